import { writeFile } from 'node:fs/promises'
import type { Address } from '../../engine/snapshot.ts'
import { Bell, within } from '../support/bell.ts'
import { createAuthority } from '../support/certificates.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../support/instrumented-proxy.ts'
import { refusingPort } from '../support/refusing-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import {
  type ClientConnection,
  type ClientExchange,
  DEADLINE_MS,
  type OriginExchange,
  type RequestSpec,
  type Serve,
  type Trust,
  type Version,
} from './peers/exchange.ts'
import { connectHttp1 } from './peers/http1-client.ts'
import { http1Origin, type VersionedOrigin } from './peers/http1-origin.ts'
import { connectHttp2 } from './peers/http2-client.ts'
import { http2Origin } from './peers/http2-origin.ts'
import { LISTENERS, type ListenerName, type Places, settings } from './settings.ts'

/** Which version either side of the proxy speaks. */
export interface Combination {
  readonly client: Version
  readonly origin: Version
  /** Both sides over TLS. */
  readonly isSecure?: boolean
}

export type OriginName = 'a' | 'b' | 'narrow'

/** An origin whose requests wait for the test to take them. */
class WaitingOrigin {
  /** Requests since the last rest. */
  count = 0
  readonly listening: VersionedOrigin
  readonly #name: string
  #waiting: OriginExchange[] = []

  private constructor(name: string, listening: VersionedOrigin) {
    this.#name = name
    this.listening = listening
  }

  /** Rings the bell when a request has come. */
  static async open(
    name: string,
    version: Version,
    trust: Trust | null,
    bell: Bell,
    unixPath?: string,
  ): Promise<WaitingOrigin> {
    const serve: Serve = exchange => {
      origin.count += 1
      origin.#waiting.push(exchange)
      bell.ring()
    }
    const open = version === 'h1' ? http1Origin : http2Origin
    const listening = await open(serve, trust, unixPath)
    const origin = new WaitingOrigin(name, listening)
    return origin
  }

  take(): OriginExchange | undefined {
    return this.#waiting.shift()
  }

  rest(): void {
    this.listening.cutAll()
    this.#waiting = []
    this.count = 0
    const [failure] = this.listening.takeFailures()
    if (failure !== undefined) throw new Error(`origin ${this.#name}: ${failure.message}`)
  }
}

/** A proxy with everything that the behaviours need, a client of one version before it and origins of another behind it. */
export interface Scene extends AsyncDisposable {
  readonly combination: Combination
  readonly proxy: InstrumentedProxy
  readonly places: Places
  /** A connection to one of the listeners, cut by `rest`. */
  connect(listener?: ListenerName): Promise<ClientConnection>
  /** A connection to any address. */
  connectTo(address: Address): Promise<ClientConnection>
  /** A request on a connection of its own. */
  send(spec?: RequestSpec, listener?: ListenerName): Promise<ClientExchange>
  /** The next request that an origin has got. */
  next(origin?: OriginName): Promise<OriginExchange>
  /** The next request that one of several origins has got, and which of them. */
  nextOf(...names: readonly OriginName[]): Promise<[OriginName, OriginExchange]>
  /** How many requests an origin has got in this test. */
  count(origin: OriginName): number
  /** A request, and where it has arrived. */
  exchange(spec?: RequestSpec, origin?: OriginName): Promise<[ClientExchange, OriginExchange]>
  /** Cuts all connections; rejects when the proxy keeps anything of this test, or an end could not read what it sent. */
  rest(): Promise<void>
}

async function makeTrust(): Promise<Trust> {
  const authority = await createAuthority()
  const { chain, key } = await authority.issue()
  return { authority: authority.certificate, chain, key }
}

const NAMES: readonly OriginName[] = ['a', 'b', 'narrow']

export async function openScene(combination: Combination): Promise<Scene> {
  const folder = await temporaryFolder()
  await writeFile(folder.file('page.txt'), 'of a file')
  const dead = await refusingPort()
  const trust = combination.isSecure === true ? await makeTrust() : null
  const bell = new Bell()
  const origins: Record<OriginName, WaitingOrigin> = {
    a: await WaitingOrigin.open('a', combination.origin, trust, bell),
    b: await WaitingOrigin.open('b', combination.origin, trust, bell),
    narrow: await WaitingOrigin.open('narrow', combination.origin, trust, bell, folder.file('origin.sock')),
  }
  const narrowListener: Address = { kind: 'unix', path: folder.file('proxy.sock') }
  const places: Places = {
    a: origins.a.listening.address,
    b: origins.b.listening.address,
    dead: dead.address,
    narrow: origins.narrow.listening.address,
    narrowListener,
    trust,
    folder: folder.path,
  }
  const proxy = await startInstrumentedProxy(settings(places, combination.origin))
  const clients: ClientConnection[] = []

  async function connectTo(address: Address): Promise<ClientConnection> {
    const open = combination.client === 'h1' ? connectHttp1 : connectHttp2
    const client = await open(address, trust)
    clients.push(client)
    return client
  }

  function connect(listener: ListenerName = 'plain'): Promise<ClientConnection> {
    if (listener === 'narrow') return connectTo(narrowListener)
    return connectTo({ kind: 'tcp', host: '127.0.0.1', port: proxy.portOf(LISTENERS.indexOf(listener)) })
  }

  async function send(spec?: RequestSpec, listener?: ListenerName): Promise<ClientExchange> {
    return await (await connect(listener)).request(spec)
  }

  async function nextOf(...names: readonly OriginName[]): Promise<[OriginName, OriginExchange]> {
    const loop = async (): Promise<[OriginName, OriginExchange]> => {
      for (;;) {
        for (const name of names) {
          const exchange = origins[name].take()
          if (exchange !== undefined) return [name, exchange]
        }
        await bell.wait()
      }
    }
    return await within(loop(), DEADLINE_MS, () => `a request at origin ${names.join(' or ')}`)
  }

  async function next(origin: OriginName = 'a'): Promise<OriginExchange> {
    return (await nextOf(origin))[1]
  }

  async function rest(): Promise<void> {
    for (const client of clients.splice(0)) client.cut()
    for (const name of NAMES) origins[name].rest()
    await proxy.nothingLeft()
    const faults = proxy.events.filter(event => event.kind === 'connection_fault')
    if (faults.length > 0) throw new Error(`faults in the proxy: ${JSON.stringify(faults)}`)
  }

  return {
    combination,
    proxy,
    places,
    connect,
    connectTo,
    send,
    next,
    nextOf,
    count: origin => origins[origin].count,
    async exchange(spec, origin = 'a') {
      const client = await send(spec)
      return [client, await next(origin)]
    },
    rest,
    async [Symbol.asyncDispose]() {
      await proxy.stop()
      for (const name of NAMES) await origins[name].listening.close()
      await dead.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}
