import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BoundListener, EngineStats, ReloadReport } from '../../engine/index.ts'
import type { Snapshot } from '../../engine/snapshot.ts'
import { type TestProxyOptions, testSnapshot } from './snapshot.ts'

export type ToProxyProcess =
  | { readonly kind: 'start'; readonly snapshot: Snapshot; readonly workers: number }
  | { readonly kind: 'stats' }
  | { readonly kind: 'reload'; readonly snapshot: Snapshot }

export type FromProxyProcess =
  | { readonly kind: 'reloaded'; readonly report: ReloadReport }
  | { readonly kind: 'refused'; readonly error: string }
  | { readonly kind: 'listening'; readonly listeners: readonly BoundListener[] }
  | { readonly kind: 'stats'; readonly stats: EngineStats }

export interface ProxyInProcess extends AsyncDisposable {
  /** Of the first listener. */
  readonly port: number
  /** Of the listener with that index: HTTP's first, then TCP's, then UDP's. */
  portOf(index: number): number
  stats(): Promise<EngineStats>
  /** One after the other. Rejects with what the engine says. */
  reload(options: TestProxyOptions): Promise<ReloadReport>
  /** Bytes of memory that the process has in RAM (Linux). */
  rssBytes(): number
  /** The most it ever had. */
  rssPeakBytes(): number
}

const MODULE = fileURLToPath(new URL('./proxy-process.ts', import.meta.url))

async function answerOf<K extends FromProxyProcess['kind']>(
  child: ChildProcess,
  ...kinds: readonly K[]
): Promise<Extract<FromProxyProcess, { kind: K }>> {
  for (;;) {
    const over = new AbortController()
    const { signal } = over
    const [message] = (await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`the proxy's process ended with ${code}`)
      }),
    ]).finally(() => over.abort())) as [FromProxyProcess]
    if (kinds.some(kind => kind === message.kind)) return message as Extract<FromProxyProcess, { kind: K }>
  }
}

/** A proxy with a process to itself, so that its memory can be told from the test's. */
export async function startProxyInProcess(
  options: TestProxyOptions & { readonly workers?: number },
): Promise<ProxyInProcess> {
  const child = fork(MODULE, {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const tell = (message: ToProxyProcess) => child.send(message)
  const listening = answerOf(child, 'listening')
  tell({ kind: 'start', snapshot: testSnapshot(options), workers: options.workers ?? 1 })
  const { listeners } = await listening
  const portOf = (index: number) => {
    const address = listeners[index]?.address
    return address?.kind === 'tcp' ? address.port : 0
  }
  const memory = (field: string) => {
    const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
    return Number(line?.[1]) * 1024
  }
  return {
    port: portOf(0),
    portOf,
    rssBytes: () => memory('VmRSS'),
    rssPeakBytes: () => memory('VmHWM'),
    async stats() {
      const answer = answerOf(child, 'stats')
      tell({ kind: 'stats' })
      return (await answer).stats
    },
    async reload(configuration) {
      const answer = answerOf(child, 'reloaded', 'refused')
      tell({ kind: 'reload', snapshot: testSnapshot(configuration) })
      const outcome = await answer
      if (outcome.kind === 'refused') throw new Error(outcome.error)
      return outcome.report
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}
