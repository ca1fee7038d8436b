/** An origin of ready answers to all of `CONTENTS`, in a process of its own. */
import { once } from 'node:events'
import type { Program } from '../frame/stage.ts'

export interface ReadyOrigin {
  readonly port: number
  /** Resolves when nobody listens on its port any more. */
  stop(): Promise<void>
}

export function readyOrigin(port: number, program: Program): ReadyOrigin {
  return {
    port,
    stop: async () => {
      const exit = program.hasEnded ? null : once(program.child, 'exit')
      program.kill()
      await exit
    },
  }
}
