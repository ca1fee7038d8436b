import type { ExchangeRecord } from '../../../engine/exchange/record.ts'
import type { Address } from '../../../engine/snapshot.ts'
import { get, ok } from '../../support/heads.ts'
import {
  type InstrumentedProxy,
  type InstrumentedProxyOptions,
  startInstrumentedProxy,
} from '../../support/instrumented-proxy.ts'
import { type RawClient, type RawClientOptions, rawClient } from '../../support/raw-client.ts'
import {
  type Script,
  type ScriptedConnection,
  type ScriptedOrigin,
  scriptedOrigin,
} from '../../support/scripted-origin.ts'
import type { TestEndpoint, TestRoute, TestUpstream } from '../../support/snapshot.ts'
import type { StrictRequest } from '../../support/strict-request.ts'
import type { StrictResponse } from '../../support/strict-response.ts'
import { turns } from '../../support/turns.ts'

type Answer = (connection: ScriptedConnection, request: StrictRequest) => Promise<unknown> | unknown

/** An origin that does something else from test to test. */
export class Player {
  readonly name: string
  /** The whole requests that have come since `rest`, but for those of scripts. */
  readonly requests: StrictRequest[] = []
  #script: Script | null = null
  #answer: Answer | null = null
  #origin: ScriptedOrigin | null = null
  #first = 0

  constructor(name: string) {
    this.name = name
  }

  async open(): Promise<void> {
    this.#origin = await scriptedOrigin(connection => (this.#script ?? this.#answerAll)(connection))
  }

  get origin(): ScriptedOrigin {
    if (this.#origin === null) throw new Error(`the origin ${this.name} is not open`)
    return this.#origin
  }

  get address(): Address {
    return this.origin.address
  }

  /** Since `rest`. */
  get connections(): readonly ScriptedConnection[] {
    return this.origin.connections.slice(this.#first)
  }

  /** What it does on each new connection from here to `rest`. */
  play(script: Script): void {
    this.#script = script
  }

  /** What it does with each whole request from here to `rest`, unless a script does. By default it answers 200 and its name. */
  playEach(answer: Answer): void {
    this.#answer = answer
  }

  readonly #answerAll: Script = async connection => {
    for (;;) {
      const request = await connection.expectRequest()
      this.requests.push(request)
      await (this.#answer ?? this.#sayName)(connection, request)
    }
  }

  readonly #sayName: Answer = (connection, { method }) => {
    const answer = ok(this.name)
    return connection.send(method === 'HEAD' ? answer.slice(0, -this.name.length) : answer)
  }

  reset(): void {
    for (const connection of this.origin.connections) if (connection.open) connection.reset()
  }

  rest(): void {
    this.#first = this.origin.connections.length
    this.#script = null
    this.#answer = null
    this.requests.length = 0
    const [failure] = this.origin.takeFailures()
    if (failure !== undefined) throw failure
  }
}

export interface Scene extends AsyncDisposable {
  readonly proxy: InstrumentedProxy
  readonly origins: readonly Player[]
  /** A client, closed by `rest`. */
  client(options?: RawClientOptions): Promise<RawClient>
  /** What a new client gets for a GET. */
  get(target: string, ...fields: string[]): Promise<StrictResponse>
  /** The records of the exchanges that have ended since the last call, once there are so many of them. */
  records(count: number): Promise<readonly ExchangeRecord[]>
  /** Ends all connections of both sides; rejects when the proxy keeps anything, or a script met what it did not expect. */
  rest(): Promise<void>
}

/** A proxy before as many origins as there are letters in `names`. */
export async function openScene(
  names: string,
  options: (...origins: Player[]) => InstrumentedProxyOptions,
): Promise<Scene> {
  const origins = [...names].map(name => new Player(name))
  for (const origin of origins) await origin.open()
  const proxy = await startInstrumentedProxy(options(...origins))
  const clients: RawClient[] = []
  let taken = 0

  async function client(clientOptions?: RawClientOptions): Promise<RawClient> {
    const opened = await rawClient(proxy.port, clientOptions)
    clients.push(opened)
    return opened
  }

  return {
    proxy,
    origins,
    client,
    async get(target, ...fields) {
      using opened = await rawClient(proxy.port)
      await opened.send(get(target, ...fields))
      return await opened.readResponse()
    },
    async records(count) {
      const all = await proxy.records(taken + count)
      const fresh = all.slice(taken)
      taken = all.length
      return fresh
    },
    async rest() {
      for (const opened of clients.splice(0)) opened.close()
      for (const origin of origins) origin.reset()
      await proxy.nothingLeft()
      // A dial that was given up may still wait here to be accepted.
      await turns()
      for (const origin of origins) {
        origin.reset()
        origin.rest()
      }
      taken = (await proxy.reports()).flatMap(({ records }) => records).length
      const faults = proxy.events.filter(event => event.kind === 'connection_fault')
      if (faults.length > 0) throw new Error(`faults in the proxy: ${JSON.stringify(faults)}`)
    },
    async [Symbol.asyncDispose]() {
      await proxy.stop()
      for (const { origin } of origins) await origin.close()
    },
  }
}

/** Endpoints that are asked in their order: the next one when those before it are full, gone or have failed the request. */
export function ladder(origins: readonly Player[], more: Partial<TestEndpoint> = {}): TestEndpoint[] {
  return origins.map(({ address, name }, priority) => ({ address, name, priority, ...more }))
}

/** An upstream whose failures have no consequences for the next test. */
export const FORGIVING: Omit<TestUpstream, 'endpoints'> = { passive: null, retry: { budget: 10 } }

/** Upstreams by name, each behind the route of its name: `/name/...`. `more` is what routes have beside that. */
export function byName(
  upstreams: Readonly<Record<string, TestUpstream>>,
  more: Readonly<Record<string, Partial<TestRoute>>> = {},
): { upstreams: Readonly<Record<string, TestUpstream>>; routes: TestRoute[] } {
  const routes = Object.keys(upstreams).map((name): TestRoute => {
    return { name, match: { path: { kind: 'prefix', path: `/${name}/` } }, to: name, ...more[name] }
  })
  return { upstreams, routes }
}

/** What a peer does that takes its time. */
export function later(milliseconds: number, run: () => Promise<unknown> | unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    setTimeout(() => Promise.resolve(run()).then(resolve, reject), milliseconds)
  })
}
