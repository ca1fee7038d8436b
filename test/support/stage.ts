import type { Address } from '../../engine/snapshot.ts'
import { get, ok } from './heads.ts'
import { type InstrumentedProxy, type InstrumentedProxyOptions, startInstrumentedProxy } from './instrumented-proxy.ts'
import { type RawClient, type RawClientOptions, rawClient } from './raw-client.ts'
import { type Script, type ScriptedConnection, scriptedOrigin } from './scripted-origin.ts'
import { turns } from './turns.ts'

/** A proxy before an origin whose script changes from test to test, and the clients of the test that plays. */
export interface Stage extends AsyncDisposable {
  readonly proxy: InstrumentedProxy
  readonly origin: Address
  /** The origin's connections since `play`. */
  readonly connections: readonly ScriptedConnection[]
  /** What the origin does on each connection from here to `rest`; by default it answers all. */
  play(script: Script): void
  /** A client of the first listener, closed by `rest`. */
  client(options?: RawClientOptions): Promise<RawClient>
  /** A client of another listener. */
  clientOf(listener: number, options?: RawClientOptions): Promise<RawClient>
  /** A client's request that the origin answers with 200: the proxy works. */
  expectGoodRequest(): Promise<void>
  /** Ends all connections of both sides; rejects when the proxy keeps anything, or a script met what it did not expect. */
  rest(): Promise<void>
}

/** Answers every request with 200 and its target. */
export const answerAll: Script = async connection => {
  for (;;) {
    const request = await connection.expectRequest()
    await connection.send(ok(request.target))
  }
}

/** `options` makes the proxy's from the origin's address. */
export async function openStage(
  options: (origin: Address) => InstrumentedProxyOptions = origin => ({ upstreams: { a: [origin] } }),
): Promise<Stage> {
  let script = answerAll
  let first = 0
  const origin = await scriptedOrigin(connection => script(connection))
  const proxy = await startInstrumentedProxy(options(origin.address))
  const clients: RawClient[] = []

  async function clientOf(listener: number, clientOptions?: RawClientOptions): Promise<RawClient> {
    const client = await rawClient(proxy.portOf(listener), clientOptions)
    clients.push(client)
    return client
  }

  return {
    proxy,
    origin: origin.address,
    get connections() {
      return origin.connections.slice(first)
    },
    play(next) {
      script = next
      first = origin.connections.length
    },
    client: clientOptions => clientOf(0, clientOptions),
    clientOf,
    async expectGoodRequest() {
      script = answerAll
      using client = await rawClient(proxy.port)
      await client.send(get('/good'))
      const { content } = await client.readResponse()
      if (content.toString() !== '/good') throw new Error(`a good request got ${content}`)
    },
    async rest() {
      for (const client of clients.splice(0)) client.close()
      for (const connection of origin.connections) if (connection.open) connection.reset()
      await proxy.nothingLeft()
      // A dial that was given up may still wait here to be accepted.
      await turns()
      first = origin.connections.length
      script = answerAll
      const faults = proxy.events.filter(event => event.kind === 'connection_fault')
      if (faults.length > 0) throw new Error(`faults in the proxy: ${JSON.stringify(faults)}`)
      const [failure] = origin.takeFailures()
      if (failure !== undefined) throw failure
    },
    async [Symbol.asyncDispose]() {
      await proxy.stop()
      await origin.close()
    },
  }
}
