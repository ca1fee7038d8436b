/**
 * Orders a certificate in a process of its own. What that takes (a client of HTTP, cryptography in JavaScript) is of no use
 * afterwards: 45 MB that would stay with the proxy, and a third of a second in which its supervisor would do nothing else.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ChallengesSnapshot } from '../../../engine/snapshot.ts'
import type { AcmeSettings } from '../tls-files.ts'
import { AcmeError } from './acme-error.ts'
import type { IssuedCertificate, OrderOptions } from './order.ts'

/** What the process is told: first what to order; then, for each `present`, that everybody answers with these. */
export type ToOrder =
  | { readonly kind: 'order'; readonly settings: AcmeSettings; readonly pollMs: number }
  | { readonly kind: 'presented' }

export type FromOrder =
  | { readonly kind: 'present'; readonly challenges: ChallengesSnapshot }
  | { readonly kind: 'issued'; readonly certificate: IssuedCertificate }
  | { readonly kind: 'failed'; readonly message: string; readonly retryAfterMs: number }

/** Built files end in `.js`, sources in `.ts`. */
const PROCESS = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './order-process.ts' : './order-process.js', import.meta.url),
)

/** Whoever debugs the proxy (`NODE_OPTIONS=--inspect-brk`) does not mean this process. */
const NO_DEBUGGER = ['--no-inspect', '--no-inspect-brk', '--no-inspect-wait']

/** As `orderCertificate`. Rejects once `stop` is aborted. @throws {AcmeError} */
export async function orderApart(
  settings: AcmeSettings,
  { present, pollMs }: OrderOptions,
  stop: AbortSignal,
): Promise<IssuedCertificate> {
  const child = fork(PROCESS, [], {
    execArgv: NO_DEBUGGER,
    serialization: 'advanced',
    // Standard output is the log's.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    killSignal: 'SIGKILL',
    signal: stop,
  })
  const { promise, resolve, reject } = Promise.withResolvers<IssuedCertificate>()
  const tell = (message: ToOrder): boolean => child.send(message)
  child.on('error', error => reject(new AcmeError(error.message, 0, { cause: error })))
  child.on('exit', (code, signal) => reject(new AcmeError(`the order ended before it was through (${signal ?? code})`)))
  child.on('message', (message: FromOrder) => {
    switch (message.kind) {
      case 'present':
        present(message.challenges).then(() => child.connected && tell({ kind: 'presented' }), reject)
        return
      case 'issued':
        resolve(message.certificate)
        return
      case 'failed':
        reject(new AcmeError(message.message, message.retryAfterMs))
    }
  })
  tell({ kind: 'order', settings, pollMs })
  try {
    return await promise
  } finally {
    child.kill('SIGKILL')
  }
}
