/** What a datagram costs from a client to an endpoint and back, and what a flow does, with everything but the kernel. */
import type { FlowContext } from '../../../../engine/l4/flow-context.ts'
import { UdpTerms } from '../../../../engine/l4/udp/terms.ts'
import { UdpListener } from '../../../../engine/l4/udp/udp-listener.ts'
import { Intake } from '../../../../engine/net/intake.ts'
import type { DatagramSource } from '../../../../engine/net/udp-handles.ts'
import { createIntakeMemory } from '../../../../engine/shared/intake-page.ts'
import type { UdpListenerSnapshot } from '../../../../engine/snapshot.ts'
import type { Upstream } from '../../../../engine/upstream/upstream.ts'
import { testSnapshot } from '../../../../test/support/snapshot.ts'
import { openGeneration } from '../../exchange/stage.ts'
import { bench, cycle, runIfMain } from '../../harness.ts'
import { netContext } from '../../net/muted-handle.ts'
import { bytesSent, type MutedUdp, muteUdp, opened } from '../../net/muted-udp.ts'

const CLIENTS = 128

muteUdp()
const net = netContext()
const snapshot = testSnapshot({
  udpListeners: [{}, { responses: 1 }],
  upstreams: { resolvers: [{ kind: 'tcp', host: '127.0.0.1', port: 9 }] },
})
const { generation, shared } = await openGeneration(snapshot, net)
const context: FlowContext = { net, row: shared.row, shared, onFlow: null }
const owner = { onFull: () => {}, onRefused: () => {}, onEmpty: () => {} }

/** The socket that takes the datagrams of clients. */
async function listen(index: number): Promise<MutedUdp> {
  const settings = snapshot.udpListeners[index] as UdpListenerSnapshot
  const terms = new UdpTerms(settings, generation, generation.upstreams[0] as Upstream)
  const listener = new UdpListener(terms, context, new Intake(createIntakeMemory(1), 0), owner)
  const handle = await openedBy(() => listener.open({ kind: 'tcp', host: '127.0.0.1', port: 0 }, false))
  listener.serve(terms)
  return handle
}

async function openedBy(open: () => unknown): Promise<MutedUdp> {
  await open()
  const handle = opened.pop()
  if (handle === undefined) throw new Error('no socket was opened')
  return handle
}

const query = Buffer.alloc(40, 'q')
const answer = Buffer.alloc(120, 'a')
const ENDPOINT: DatagramSource = { address: '127.0.0.1', port: 9, family: 'IPv4', size: answer.length }

function clientAt(index: number): DatagramSource {
  return { address: `192.0.2.${index % 100}`, port: 40_000 + index, family: 'IPv4', size: query.length }
}

const kept = await listen(0)
const clients: { source: DatagramSource; endpoint: MutedUdp }[] = []
for (let index = 0; index < CLIENTS; index += 1) {
  const source = clientAt(index)
  clients.push({ source, endpoint: await openedBy(() => kept.deliver(query, source)) })
}
const nextClient = cycle(clients)

bench('a datagram there and back, of a flow that stays', () => {
  const { source, endpoint } = nextClient()
  kept.deliver(query, source)
  endpoint.deliver(answer, ENDPOINT)
  return bytesSent
})

const dns = await listen(1)
const nextSource = cycle(Array.from({ length: CLIENTS }, (_, index) => clientAt(index)))

bench('a flow of one query and its answer', () => {
  dns.deliver(query, nextSource())
  opened.pop()?.deliver(answer, ENDPOINT)
  return bytesSent
})

await runIfMain(import.meta)
