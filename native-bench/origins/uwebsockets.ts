/**
 * The other origin, `--origin uwebsockets`: uWebSockets.js, for those who doubt that an origin of nginx is fair to nginx.
 * It is not on the registry of npm; where it is not installed in this folder, the bench says so and what to do.
 *
 * This file is also the program that runs: its one argument is the port.
 */
import { createRequire } from 'node:module'
import { pinned } from '../frame/cores.ts'
import { BenchFailure } from '../frame/failure.ts'
import { accepting, freePort } from '../frame/ports.ts'
import { Program, type Stage } from '../frame/stage.ts'
import { CONTENTS, contentOf } from './content.ts'
import { type ReadyOrigin, readyOrigin } from './ready-origin.ts'

const START_TIMEOUT_MS = 5000

/** What is used of the package, which has no types that could be relied on to be there. */
interface UWebSockets {
  App(): UWebSocketsApp
}

interface UWebSocketsApp {
  get(path: string, handler: (response: UWebSocketsResponse) => void): UWebSocketsApp
  listen(host: string, port: number, callback: (token: unknown) => void): UWebSocketsApp
}

interface UWebSocketsResponse {
  writeHeader(name: string, value: string): UWebSocketsResponse
  end(content: Buffer): void
}

const require = createRequire(import.meta.url)

/** Null where it can be used; else what to do. */
export function uWebSocketsAbsence(): string | null {
  try {
    require.resolve('uWebSockets.js')
    return null
  } catch {
    return '--origin uwebsockets needs uWebSockets.js, which is not on npm: native-bench/peers/README.md says how to get it'
  }
}

export async function startUWebSocketsOrigin(stage: Stage): Promise<ReadyOrigin> {
  const absence = uWebSocketsAbsence()
  if (absence !== null) throw new BenchFailure(absence)
  const port = await freePort()
  const command = pinned(stage.settings.cores.others, process.execPath, [import.meta.filename, String(port)])
  const program = new Program(command, 'ignore')
  stage.atEnd(program.kill)
  await accepting(port, START_TIMEOUT_MS, () => (program.hasEnded ? 'the origin does not start' : null))
  return readyOrigin(port, program)
}

function serve(port: number): void {
  const app = (require('uWebSockets.js') as UWebSockets).App()
  for (const content of CONTENTS) {
    const bytes = contentOf(content)
    app.get(content.path, response => response.writeHeader('Content-Type', 'text/plain').end(bytes))
  }
  app.listen('127.0.0.1', port, token => {
    if (!token) process.exitCode = 1
  })
}

if (import.meta.main) serve(Number(process.argv[2]))
