/** A peer in one variant, and the process that it runs as. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pinned, splitCores } from './cores.ts'
import type { Peer, PeerKind } from './peer.ts'
import { accepting, freePort, receiving } from './ports.ts'
import type { Variant } from './scenario.ts'
import { Program, type Stage } from './stage.ts'

/** How long a proxy may take until it accepts, in ms. */
const START_TIMEOUT_MS = 20_000

/** How much is told of a proxy's output when it ends before its time. */
const OUTPUT_BYTES = 300

/** Who the load is pointed at. */
export interface Contestant {
  readonly label: string
  readonly peer: string
  readonly kind: PeerKind | 'direct'
  readonly variant: string
  /** Where it listens on 127.0.0.1; throws before its start. */
  readonly port: number
  /** The process to account, or null where there is none. */
  readonly pid: number | null
  /** The file that gets a line per request, or null. */
  readonly accessLogPath: string | null
  /** Starts the process and does not wait for it; resolves with when that was, on the clock of `performance.now()`. */
  launch(): Promise<number>
  /** Starts the process and resolves when it accepts, or takes datagrams. */
  start(): Promise<void>
  /** Ends the process and its children at once. */
  stop(): void
  /** Why it can do nothing more, or null. */
  failure(): string | null
}

export class ProxyContestant implements Contestant {
  readonly label: string
  readonly kind: PeerKind
  readonly variant: string
  readonly #peer: Peer
  readonly #setup: NonNullable<Variant['setup']>
  readonly #stage: Stage
  readonly #originPort: number
  readonly #connections: number
  #program: Program | null = null
  #port = 0
  #folder = ''

  constructor(peer: Peer, variant: Variant, stage: Stage, originPort: number, connections: number) {
    this.label = variant.name === '' ? peer.name : `${peer.name}, ${variant.name}`
    this.kind = peer.kind
    this.variant = variant.name
    this.#peer = peer
    this.#setup = variant.setup ?? {}
    this.#stage = stage
    this.#originPort = originPort
    this.#connections = connections
  }

  get peer(): string {
    return this.#peer.name
  }

  get port(): number {
    if (this.#program === null) throw new Error(`${this.label} has not been started`)
    return this.#port
  }

  get pid(): number | null {
    return this.#program?.pid ?? null
  }

  get accessLogPath(): string | null {
    return this.#setup.accessLog === true ? join(this.#folder, 'access.log') : null
  }

  async launch(): Promise<number> {
    this.stop()
    this.#port = await freePort()
    this.#folder = this.#stage.newFolder(this.label)
    const folder = join(this.#folder, 'setup')
    const workers = this.#setup.workers ?? 1
    mkdirSync(folder)
    const { executable, args, environment } = this.#peer.command({
      port: this.#port,
      originPort: this.#originPort,
      workers,
      pipelining: this.#setup.pipelining ?? 1,
      endpoints: this.#setup.endpoints ?? 1,
      listens: this.#setup.listens ?? 'http1',
      certificate: this.#setup.listens === 'tls' ? this.#stage.certificate : null,
      responses: this.#setup.responses ?? null,
      originSpeaks: this.#setup.originSpeaks ?? 'http1',
      accessLogPath: this.accessLogPath,
      connections: this.#connections,
      folder,
    })
    const output = openSync(join(this.#folder, 'output.txt'), 'a')
    const command = pinned(splitCores(workers).proxy, executable, args)
    const startedAt = performance.now()
    this.#program = new Program(command, ['ignore', output, output], environment)
    closeSync(output)
    this.#stage.atEnd(this.#program.kill)
    return startedAt
  }

  async start(): Promise<void> {
    await this.launch()
    const isReady = this.#setup.listens === 'udp' ? receiving : accepting
    await isReady(this.#port, START_TIMEOUT_MS, () => this.failure())
  }

  stop(): void {
    this.#program?.kill()
    this.#program = null
  }

  failure(): string | null {
    if (this.#program?.hasEnded !== true) return null
    const { exitCode, signalCode } = this.#program.child
    const output = this.#outputTail()
    return `it ended with ${signalCode ?? `code ${exitCode}`}${output === '' ? '' : `: ${output}`}`
  }

  /** Of what it said: from the first line that tells of an error, else the end. */
  #outputTail(): string {
    const files = [join(this.#folder, 'output.txt'), join(this.#folder, 'setup', 'error.log')]
    const text = files
      .map(path => (existsSync(path) ? readFileSync(path, 'utf8') : ''))
      .join('')
      .trim()
    const told = /^.*(?:error|emerg|alert|fatal).*$/im.exec(text)?.index
    const part = told === undefined ? text.slice(-OUTPUT_BYTES) : text.slice(told, told + OUTPUT_BYTES)
    return part.replaceAll(/\s*\n\s*/g, '; ')
  }
}

/** The origin itself: the floor of what the method can measure. */
export function directTo(port: number): Contestant {
  return {
    label: 'direct',
    peer: 'direct',
    kind: 'direct',
    variant: '',
    port,
    pid: null,
    accessLogPath: null,
    launch: async () => performance.now(),
    start: async () => {},
    stop: () => {},
    failure: () => null,
  }
}
