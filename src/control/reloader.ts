import { ConfigurationError, type Origin } from '../config/errors.ts'
import type { Configuration } from '../config/load.ts'
import type { ReloadResult, RunningProxy } from '../proxy.ts'
import { logReloadFailure } from '../telemetry/log-reload.ts'
import { ControlError } from './wire.ts'

/** Reads the configuration again and hands it to the proxy. Rejects with a `ConfigurationError` for one that is wrong. */
export type LoadAgain = (stop: AbortSignal) => Promise<Configuration>

/** What came of the last reload. */
export interface LastReload {
  readonly atMs: number
  readonly ok: boolean
  /** What went wrong; empty where nothing did. */
  readonly message: string
}

/**
 * One reload at a time. Whoever asks while one runs gets the next one, together with everybody else who asks meanwhile:
 * the one that runs may have read the file before it was changed.
 *
 *     idle -> reading -> swapping -> idle, or reading once more
 */
export class Reloader {
  readonly #proxy: RunningProxy
  readonly #load: LoadAgain
  readonly #stop = new AbortController()
  #running: Promise<ReloadResult | null> | null = null
  #next: Next | null = null
  #last: LastReload | null = null
  /** Of the files that were read last, where they were refused. */
  #refusedHash = ''

  constructor(proxy: RunningProxy, load: LoadAgain) {
    this.#proxy = proxy
    this.#load = load
  }

  /** `null` before the first. */
  get last(): LastReload | null {
    return this.#last
  }

  /**
   * Everything that comes of it is in the log, too, and who asked: `cause`.
   *
   * @throws {ConfigurationError} for a configuration that is wrong; the one in force goes on, as it does with any error.
   */
  async reload(cause: string): Promise<ReloadResult> {
    this.#proxy.logger?.info({ cause }, `${cause}: reloading`)
    const result = await this.#ask({ cause, isForced: true })
    if (result === null) throw new Error('a reload that was asked for was left out')
    return result
  }

  /**
   * As `reload`, of files that seem to have changed: where they say what they said before, nothing is done and nothing
   * is logged, and the answer is `null`.
   */
  reloadIfChanged(cause: string): Promise<ReloadResult | null> {
    return this.#ask({ cause, isForced: false })
  }

  /** No reload begins any more, and one that still reads is given up. */
  close(): void {
    this.#stop.abort()
  }

  #ask(wish: Wish): Promise<ReloadResult | null> {
    if (this.#running === null) return this.#begin(wish)
    if (this.#next === null) {
      const begin = () => this.#begin(this.#next?.wish ?? wish)
      this.#next = { wish, result: this.#running.then(begin, begin) }
    } else if (wish.isForced) {
      this.#next.wish = wish
    }
    return this.#next.result
  }

  #begin(wish: Wish): Promise<ReloadResult | null> {
    this.#next = null
    const running = this.#run(wish).finally(() => {
      // Where somebody waits for the next one, there is no moment at which another could begin.
      if (this.#next === null) this.#running = null
    })
    this.#running = running
    return running
  }

  async #run(wish: Wish): Promise<ReloadResult | null> {
    try {
      const result = await this.#take(await this.#read(wish), wish)
      if (result !== null || this.#last?.ok === false) this.#last = { atMs: Date.now(), ok: true, message: '' }
      return result
    } catch (error) {
      this.#last = { atMs: Date.now(), ok: false, message: error instanceof Error ? error.message : String(error) }
      throw error
    }
  }

  async #take(configuration: Configuration, { cause, isForced }: Wish): Promise<ReloadResult | null> {
    const { logger, generation, configuration: inForce } = this.#proxy
    if (!isForced) {
      if (configuration.hash !== inForce.hash) logger?.info({ cause }, `${cause}: reloading`)
      else {
        if (this.#last?.ok === false) logger?.info({ cause, generation }, `${cause}: ${BACK}, generation ${generation}`)
        return null
      }
    }
    return await this.#proxy.reload(configuration)
  }

  async #read({ cause, isForced }: Wish): Promise<Configuration> {
    if (this.#stop.signal.aborted) throw new ControlError('stopping', 'the instance is about to end')
    try {
      const configuration = await this.#load(this.#stop.signal)
      this.#refusedHash = ''
      return configuration
    } catch (error) {
      if (this.#stop.signal.aborted) throw new ControlError('stopping', 'the instance is about to end')
      const hash = originOf(error)?.hash ?? ''
      const isToldAlready = !isForced && hash !== '' && hash === this.#refusedHash
      this.#refusedHash = hash
      if (this.#proxy.logger === null || isToldAlready) throw error
      if (!isForced) this.#proxy.logger.info({ cause }, `${cause}: reloading`)
      logReloadFailure(this.#proxy.logger, error, this.#proxy.generation)
      throw error
    }
  }
}

const BACK = 'the files are again those of the configuration in force'

/** Who wants a reload, and whether files that are as they were are reason enough. */
interface Wish {
  readonly cause: string
  readonly isForced: boolean
}

interface Next {
  /** Of all who wait for it, the one that wants most. */
  wish: Wish
  readonly result: Promise<ReloadResult | null>
}

function originOf(error: unknown): Origin | null {
  return error instanceof ConfigurationError ? error.origin : null
}

/** The files of a refused configuration, those that are missing among them: what its reader will change next. */
export function filesOf(error: unknown): string[] {
  if (!(error instanceof ConfigurationError)) return []
  return [...new Set([...error.problems.map(problem => problem.file), ...(error.origin?.files ?? [])])]
}
