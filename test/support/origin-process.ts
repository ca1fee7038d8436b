import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { within } from './bell.ts'
import { freePort } from './free-port.ts'
import type { TcpAddress } from './listen.ts'

/** What an origin does with each request. Checks (`/health`) are answered with 200 at once, whatever is said here. */
export interface OriginBehaviour {
  /** Before the response begins. */
  readonly delayMs: number
  /** Share of the responses that have `errorStatus`, 0 to 1, spread evenly. */
  readonly errorShare: number
  readonly errorStatus: number
  /**
   * `whole` with a length, `chunked`; `reset` before the head; `reset_in_content` and `reset_in_chunks` after the head and
   * half of the content; `held` until it behaves in another way.
   */
  readonly answer: 'whole' | 'chunked' | 'reset' | 'reset_in_content' | 'reset_in_chunks' | 'held'
}

/** Since the process began. */
export interface OriginCounts {
  /** Requests that have come whole, without checks. */
  readonly requests: number
  readonly checks: number
  /** Checks that had come when the first request came; -1 before it. */
  readonly checksBefore: number
  /** Requests under way, and the most that ever were. */
  readonly active: number
  readonly activeMost: number
  /** Connections open, and the most that ever were at once. */
  readonly open: number
  readonly openMost: number
  /** Connections that ever were. */
  readonly accepted: number
}

export type ToOrigin =
  | { readonly kind: 'listen'; readonly name: string; readonly host: string; readonly port: number }
  | { readonly kind: 'behave'; readonly behaviour: OriginBehaviour }
  | { readonly kind: 'count' }
  | { readonly kind: 'stop' }

/** Each message is answered, `stop` by the end of the process. */
export type FromOrigin =
  | { readonly kind: 'listening' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'behaving' }
  | { readonly kind: 'counts'; readonly counts: OriginCounts }

export const CHECK_PATH = '/health'

const GOOD: OriginBehaviour = { delayMs: 0, errorShare: 0, errorStatus: 500, answer: 'whole' }

const MODULE = fileURLToPath(new URL('./origin-process-main.ts', import.meta.url))

/** A target that asks for so many bytes; `number` makes the content this request's own. */
export function originTarget(bytes: number, number: number): string {
  return `/${bytes}/${number}`
}

/** What an origin has to say to a target: no two targets get the same. */
export function originContent(target: string): string {
  const bytes = Number(target.split('/')[1])
  return `${target} `.repeat(Math.ceil(bytes / (target.length + 1))).slice(0, bytes)
}

/**
 * An origin that is a process of its own, so that it can be killed, stopped and started again: always on the same port. It
 * serves requests without content, whose targets are `originTarget`, and names itself in `X-Origin`.
 */
export class OriginProcess implements AsyncDisposable {
  readonly name: string
  address: TcpAddress
  #behaviour = GOOD
  #child: ChildProcess | null = null

  constructor(name: string, host: string, port: number) {
    this.name = name
    this.address = { kind: 'tcp', host, port }
  }

  /** As the endpoint's name is in logs. */
  get endpoint(): string {
    return `${this.address.host}:${this.address.port}`
  }

  /** Starts it, the first time or again: with the behaviour that it was told last. Rejects when the port is taken. */
  async start(): Promise<void> {
    const child = fork(MODULE, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child = child
    const { host, port } = this.address
    const answer = await this.#ask({ kind: 'listen', name: this.name, host, port })
    if (answer.kind === 'refused') {
      await this.kill()
      throw new Error(`${this.endpoint}: ${answer.code}`)
    }
    await this.#ask({ kind: 'behave', behaviour: this.#behaviour })
  }

  async behave(change: Partial<OriginBehaviour>): Promise<void> {
    this.#behaviour = { ...this.#behaviour, ...change }
    if (this.#child !== null) await this.#ask({ kind: 'behave', behaviour: this.#behaviour })
  }

  async counts(): Promise<OriginCounts> {
    const answer = await this.#ask({ kind: 'count' })
    if (answer.kind !== 'counts') throw new Error(`the origin answered ${answer.kind}`)
    return answer.counts
  }

  /** Asks one thing at a time. */
  async #ask(message: ToOrigin): Promise<FromOrigin> {
    const child = this.#running()
    const answered = once(child, 'message') as Promise<[FromOrigin]>
    child.send(message)
    const [answer] = await within(answered, 5_000, () => `an answer of the origin ${this.name} to ${message.kind}`)
    return answer
  }

  #running(): ChildProcess {
    if (this.#child === null) throw new Error(`the origin ${this.name} does not run`)
    return this.#child
  }

  /** SIGKILL: the kernel closes what is open, with a reset where something is unread. */
  async kill(): Promise<void> {
    await this.#end(child => child.kill('SIGKILL'))
  }

  /** Stops listening, answers what is under way, closes what is idle, and ends. */
  async stop(): Promise<void> {
    await this.#end(child => child.send({ kind: 'stop' } satisfies ToOrigin))
  }

  async #end(how: (child: ChildProcess) => void): Promise<void> {
    const child = this.#running()
    const exited = once(child, 'exit')
    how(child)
    this.#child = null
    await within(exited, 5_000, () => `the end of the origin ${this.name}`)
  }

  /** SIGSTOP: it does nothing more; the kernel goes on taking connections and bytes for it. */
  suspend(): void {
    this.#running().kill('SIGSTOP')
  }

  /** SIGCONT. */
  resume(): void {
    this.#running().kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== null) await this.kill()
  }
}

/** Starts one on a port that it keeps, on a loopback address. */
export async function startOrigin(name: string, host = '127.0.0.1', port = 0): Promise<OriginProcess> {
  const origin = new OriginProcess(name, host, port === 0 ? await freePort() : port)
  await origin.start()
  return origin
}
