/** A proxy in a process of its own, to be measured from outside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { atEnd } from '../../native-bench/frame/clean-up.ts'
import { PerfFailure } from '../failure.ts'
import type { FromProxyProcess, ProxySettings, ToProxyProcess } from './proxy-messages.ts'

const PROXY_PROCESS = fileURLToPath(new URL('./proxy-process.ts', import.meta.url))

export interface ProxyOptions {
  /** The module that exports `createProxy`: see `entryOf`. */
  readonly entry: string
  readonly settings: ProxySettings
  /** As `taskset -c` takes it; `null` to let the system choose. */
  readonly core: string | null
  /** A module that every thread of the process loads before its own. */
  readonly preload: string | null
}

type Reply<Kind extends FromProxyProcess['kind']> = FromProxyProcess & { readonly kind: Kind }

export class ProxyProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #kill: () => void
  port = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#kill = atEnd(() => child.kill('SIGKILL'))
  }

  /** Resolves when the proxy accepts. */
  static async start({ entry, settings, core, preload }: ProxyOptions): Promise<ProxyProcess> {
    if (!existsSync(entry)) throw new PerfFailure(`there is no ${entry}: npm run build makes dist/`)
    const imports = preload === null ? [] : ['--import', pathToFileURL(preload).href]
    const command = [process.execPath, ...imports, PROXY_PROCESS]
    // taskset becomes the process itself, so that its id is the one to account.
    if (core !== null) command.unshift('taskset', '-c', core)
    const [executable = '', ...args] = command
    const child = spawn(executable, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const proxy = new ProxyProcess(child)
    try {
      proxy.port = (await proxy.ask({ kind: 'start', entry, settings }, 'listening')).port
    } catch (error) {
      await proxy[Symbol.asyncDispose]()
      throw error
    }
    return proxy
  }

  get pid(): number {
    return this.#child.pid as number
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Exchanges that have ended since the start. */
  async exchanges(): Promise<number> {
    return (await this.ask({ kind: 'count' }, 'counted')).exchanges
  }

  /** Says something and waits for the answer; one question at a time. */
  ask<Kind extends FromProxyProcess['kind']>(message: ToProxyProcess, kind: Kind): Promise<Reply<Kind>> {
    const child = this.#child
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        child.off('message', onMessage)
        child.off('exit', onExit)
        child.off('error', onError)
      }
      const onMessage = (reply: FromProxyProcess): void => {
        settle()
        if (reply.kind === kind) resolve(reply as Reply<Kind>)
        else reject(new PerfFailure(`the proxy: ${reply.kind === 'failed' ? reply.message : reply.kind}`))
      }
      const onExit = (): void => {
        settle()
        reject(new PerfFailure("the proxy's process has ended"))
      }
      const onError = (error: Error): void => {
        settle()
        reject(new PerfFailure(`the proxy's process does not start: ${error.message}`))
      }
      child.on('message', onMessage)
      child.on('exit', onExit)
      child.on('error', onError)
      if (child.exitCode !== null) onExit()
      else child.send(message)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    const isRunning = child.pid !== undefined && child.exitCode === null && child.signalCode === null
    const exited = isRunning ? once(child, 'exit') : null
    this.#kill()
    await exited
  }
}
