import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from './bell.ts'
import { freePort } from './free-port.ts'
import type { TcpAddress } from './listen.ts'

const MODULE = fileURLToPath(new URL('./echo-process-main.ts', import.meta.url))

/**
 * An endpoint that is a process of its own, so that it can be killed and started again, always on the same port. Bytes over TCP
 * come back as they went, datagrams with the port before them from which they came.
 */
export class EchoProcess implements AsyncDisposable {
  readonly address: TcpAddress
  #child: ChildProcess | null = null

  constructor(port: number) {
    this.address = { kind: 'tcp', host: '127.0.0.1', port }
  }

  get isRunning(): boolean {
    return this.#child !== null
  }

  async start(): Promise<void> {
    const child = fork(MODULE, [String(this.address.port)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child = child
    await within(once(child, 'message'), 10_000, () => `an echo on port ${this.address.port}`)
  }

  /** SIGKILL: the kernel closes what is open, with a reset where something is unread. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === null) return
    this.#child = null
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

export async function startEcho(): Promise<EchoProcess> {
  const echo = new EchoProcess(await freePort())
  await echo.start()
  return echo
}
