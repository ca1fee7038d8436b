import type { ExchangeRecord } from '../../../engine/exchange/record.ts'
import type { Address } from '../../../engine/snapshot.ts'
import {
  answering,
  type Http2Origin,
  type Http2Peer,
  type Http2Script,
  http2Origin,
  type PeerOptions,
} from '../../support/http2-peer.ts'
import {
  type InstrumentedProxy,
  type InstrumentedProxyOptions,
  startInstrumentedProxy,
} from '../../support/instrumented-proxy.ts'
import { type RawClient, type RawClientOptions, rawClient } from '../../support/raw-client.ts'
import { turns } from '../../support/turns.ts'

/** A proxy before origins that speak HTTP/2 as scripts have it, from test to test. */
export interface Http2Scene extends AsyncDisposable {
  readonly proxy: InstrumentedProxy
  /** What an origin does, and is, on each new connection from here to `rest`; by default it answers all. */
  play(script: Http2Script, origin?: number, terms?: PeerOptions): void
  /** The connection of that number since `rest`, once it is there. */
  peer(index: number, origin?: number): Promise<Http2Peer>
  /** Connections since `rest`. */
  peers(origin?: number): readonly Http2Peer[]
  /** A client, closed by `rest`. */
  client(options?: RawClientOptions): Promise<RawClient>
  /** The records of the exchanges that have ended since the last call, once there are so many of them. */
  records(count: number): Promise<readonly ExchangeRecord[]>
  /** Ends all connections of both sides; rejects when the proxy keeps anything, or a script met what it did not expect. */
  rest(): Promise<void>
}

export async function openHttp2Scene(
  count: number,
  options: (...origins: Address[]) => InstrumentedProxyOptions,
): Promise<Http2Scene> {
  const scripts: Http2Script[] = Array.from({ length: count }, () => answering())
  const first: number[] = scripts.map(() => 0)
  const origins: Http2Origin[] = []
  const terms: PeerOptions[] = scripts.map(() => ({}))
  for (const index of scripts.keys()) {
    origins.push(
      await http2Origin(
        (peer, number) => scripts[index]!(peer, number),
        () => terms[index]!,
      ),
    )
  }
  const proxy = await startInstrumentedProxy(options(...origins.map(({ address }) => address)))
  const clients: RawClient[] = []
  let taken = 0
  return {
    proxy,
    play(script, origin = 0, own = {}) {
      scripts[origin] = script
      terms[origin] = own
    },
    peer: (index, origin = 0) => origins[origin]!.peer(first[origin]! + index),
    peers: (origin = 0) => origins[origin]!.peers.slice(first[origin]),
    async client(clientOptions) {
      const client = await rawClient(proxy.port, clientOptions)
      clients.push(client)
      return client
    },
    async records(wanted) {
      const all = await proxy.records(taken + wanted)
      const fresh = all.slice(taken)
      taken = all.length
      return fresh
    },
    async rest() {
      for (const client of clients.splice(0)) client.close()
      for (const { peers } of origins) for (const peer of peers) if (peer.open) peer.reset()
      await proxy.nothingLeft()
      // A dial that was given up may still wait here to be accepted.
      await turns()
      for (const [index, origin] of origins.entries()) {
        for (const peer of origin.peers) if (peer.open) peer.reset()
        first[index] = origin.peers.length
        scripts[index] = answering()
        terms[index] = {}
      }
      taken = (await proxy.reports()).flatMap(({ records }) => records).length
      const faults = proxy.events.filter(event => event.kind === 'connection_fault')
      if (faults.length > 0) throw new Error(`faults in the proxy: ${JSON.stringify(faults)}`)
      const [failure] = origins.flatMap(origin => origin.takeFailures())
      if (failure !== undefined) throw failure
    },
    async [Symbol.asyncDispose]() {
      await proxy.stop()
      for (const origin of origins) await origin.close()
    },
  }
}
