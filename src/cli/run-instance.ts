import { resolve } from 'node:path'
import { isatty } from 'node:tty'
import type { Configuration } from '../config/load.ts'
import { loadConfigurationApart } from '../config/load-apart.ts'
import type { FileWatch } from '../control/file-watch.ts'
import type { Instance } from '../control/methods.ts'
import { filesOf, Reloader } from '../control/reloader.ts'
import type { ControlServer } from '../control/server.ts'
import {
  autoFolders,
  autoSocketPath,
  ControlPathError,
  isReadOnce,
  namedSocketPath,
  usableFolder,
} from '../control/socket-path.ts'
import type { RunningProxy } from '../proxy.ts'
import { wantsColours } from './colours.ts'
import { CommandFailure } from './exit-codes.ts'
import { type Overrides, withOverrides } from './overrides.ts'
import type { Shutdown } from './shutdown-signals.ts'
import { packageVersion } from './version.ts'

/** One instance from its start to its end: the proxy, and what makes it reload, answer and stop. */

export interface InstanceSettings {
  /** The configuration file. */
  readonly file: string
  readonly isWatched: boolean
  readonly overrides: Overrides
  /** Lines to print when it runs. */
  readonly epilogue: readonly string[]
}

/** Resolves when everything has ended. Rejects where it cannot start; nothing stays behind then. */
export async function runInstance(settings: InstanceSettings, shutdown: Shutdown): Promise<void> {
  // From now on, or an early one would end the process. It counts once there is something to reload.
  let isHungUp = false
  let onHangUp = (): void => {
    isHungUp = true
  }
  process.on('SIGHUP', () => onHangUp())
  const startedAtMs = Date.now()
  const loaded = await load(settings, shutdown)
  if (loaded === null) return
  const [configuration, { startProxy }] = loaded
  const colours = wantsColours(isatty(1), process.env)
  const proxy = await startProxy(configuration, { logs: true, colours })
  const instance = new RunningInstance(settings, proxy, shutdown, startedAtMs)
  try {
    await instance.open()
    onHangUp = () => void instance.hangUp()
    if (isHungUp) onHangUp()
    for (const line of settings.epilogue) process.stdout.write(`${line}\n`)
    const cause = await shutdown.asked
    const message = cause === 'stop' ? 'stopping, as asked for' : `${cause}: stopping`
    proxy.logger?.info({ cause }, `${message}; a signal from now on ends at once`)
  } finally {
    await instance.close()
  }
}

/** `null` where the end was asked for first: then nothing is left of the reading, which a pipe can hold up for ever. */
async function load(
  settings: InstanceSettings,
  shutdown: Shutdown,
): Promise<[Configuration, typeof import('../proxy.ts')] | null> {
  const stop = new AbortController()
  // The engine is loaded while the configuration is being read.
  const loading = Promise.all([read(settings, stop.signal), import('../proxy.ts')])
  const first = await Promise.race([loading, shutdown.asked])
  if (typeof first !== 'string') return first
  stop.abort()
  await loading.catch(() => undefined)
  return null
}

async function read({ file, overrides }: InstanceSettings, stop: AbortSignal): Promise<Configuration> {
  return withOverrides(await loadConfigurationApart(file, stop), overrides)
}

class RunningInstance implements Instance {
  readonly version = packageVersion()
  readonly file: string
  readonly startedAtMs: number
  readonly proxy: RunningProxy
  readonly reloader: Reloader
  readonly #settings: InstanceSettings
  readonly #shutdown: Shutdown
  /** Of the start: another one counts from the next start on. */
  readonly #controlSocket: string
  #control: ControlServer | null = null
  #isTaken = false
  #watch: FileWatch | null = null

  constructor(settings: InstanceSettings, proxy: RunningProxy, shutdown: Shutdown, startedAtMs: number) {
    this.#settings = settings
    this.#shutdown = shutdown
    this.file = resolve(settings.file)
    this.startedAtMs = startedAtMs
    this.proxy = proxy
    this.#controlSocket = proxy.configuration.settings.controlSocket
    this.reloader = new Reloader(proxy, stop => this.#readAgain(stop))
  }

  get isStopping(): boolean {
    return this.#shutdown.isAsked
  }

  /** @throws {CommandFailure} where the file asks for a control socket that cannot be. */
  async open(): Promise<void> {
    await this.#openControl()
    if (this.#settings.isWatched) await this.#openWatch()
  }

  stop(): void {
    this.#control?.hold()
    this.#shutdown.ask('stop')
  }

  /** SIGHUP has come. What comes of it is in the log. */
  async hangUp(): Promise<void> {
    if (this.isStopping) return
    await this.reloader.reload('SIGHUP').catch(() => undefined)
    await this.#reopenControl()
  }

  async close(): Promise<void> {
    this.#watch?.close()
    this.reloader.close()
    await this.proxy.close()
    // Who waits for the end is told by the end itself: connections go with the process.
    this.#control?.withdraw()
  }

  async #readAgain(stop: AbortSignal): Promise<Configuration> {
    const sinceMs = Date.now()
    try {
      const configuration = await read(this.#settings, stop)
      this.#watch?.follow([this.file, ...configuration.files], sinceMs)
      return configuration
    } catch (error) {
      // What has to be mended may be in a file that the one in force knows nothing of.
      this.#watch?.follow([this.file, ...this.proxy.configuration.files, ...filesOf(error)], sinceMs)
      throw error
    }
  }

  async #openControl(): Promise<void> {
    const setting = this.#controlSocket
    if (setting === 'off') return
    const { openControl, ControlTakenError } = await import('../control/server.ts')
    const { controlMethods } = await import('../control/methods.ts')
    try {
      const path =
        setting === 'auto'
          ? autoSocketPath(usableFolder(autoFolders()), this.file)
          : namedSocketPath(setting, this.file)
      this.#control = await openControl(path, controlMethods(this))
      this.#isTaken = false
      this.proxy.logger?.info({ path }, `control socket: ${path}`)
    } catch (error) {
      if (error instanceof ControlTakenError) this.#isTaken = true
      else if (!(error instanceof ControlPathError)) throw error
      // Asked for by name, it is a part of what was to be started.
      else if (setting !== 'auto') throw new CommandFailure(error.message)
      this.proxy.logger?.warn(`${error.message}; this instance runs without one, and signals reach it as ever`)
    }
  }

  async #onChange(): Promise<void> {
    if (this.isStopping) return
    await this.reloader.reloadIfChanged('file change').catch(() => undefined)
    await this.#reopenControl()
  }

  /**
   * Whoever had the socket may have ended (a rolling start ends with the new instance in its place), or the folder was
   * cleared, and nobody finds the socket any more.
   */
  async #reopenControl(): Promise<void> {
    const lost = this.#control?.isFound === false ? this.#control : null
    if (this.isStopping || !(this.#isTaken || lost !== null)) return
    this.#control = null
    await lost?.close()
    await this.#openControl()
  }

  async #openWatch(): Promise<void> {
    const { logger } = this.proxy
    if (isReadOnce(this.#settings.file)) {
      logger?.warn({ file: this.file }, `${this.file} is read once: it cannot be watched`)
      return
    }
    const { FileWatch } = await import('../control/file-watch.ts')
    this.#watch = new FileWatch({
      onChange: () => void this.#onChange(),
      onPolling: reason => {
        logger?.warn({ reason }, `the system does not tell of changes (${reason}): files are looked at every second`)
      },
    })
    this.#watch.follow([this.file, ...this.proxy.configuration.files], this.startedAtMs)
  }
}
