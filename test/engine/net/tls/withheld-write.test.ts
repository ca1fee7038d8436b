import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Dial } from '../../../../engine/net/dial.ts'
import { ClientTls } from '../../../../engine/net/tls/client-tls.ts'
import { loadTls } from '../../../../engine/net/tls/load.ts'
import type { TlsConnection } from '../../../../engine/net/tls/tls-connection.ts'
import { TLS_PROFILE, upstreamTls } from '../../../support/tls.ts'
import {
  ALERT,
  DATA,
  HANDSHAKE,
  KEY_UPDATE,
  NEW_SESSION_TICKET,
  type RecordPeer,
  recordClient,
  recordOrigin,
} from '../../../support/tls-records.ts'
import { turns } from '../../../support/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { Recorder, TestNet } from '../sockets.ts'
import { acceptSecure, testAuthority, testLeaf, testTls } from './secure-peers.ts'

beforeAll(async () => await loadTls())

/** Header of a message that has `length` bytes, which do not come. */
const beginning = (type: number, length: number) => Buffer.from([type, 0, 0, length])

/** An alert that ends everything and has no name. */
const NAMELESS = Buffer.from([2, 4])

function say(connection: TlsConnection, text: string): boolean {
  return connection.write(Buffer.from(text), 0, text.length)
}

interface Ends {
  readonly net: TestNet
  readonly connection: TlsConnection
  readonly recorder: Recorder
  readonly peer: RecordPeer
}

const opened: (Disposable | AsyncDisposable)[] = []

afterEach(async () => {
  for (const one of opened.splice(0)) {
    if (Symbol.asyncDispose in one) await one[Symbol.asyncDispose]()
    else one[Symbol.dispose]()
  }
})

async function accepted(): Promise<Ends> {
  const net = new TestNet()
  const acceptor = await acceptSecure(net, await testTls())
  const peer = await recordClient(acceptor.port)
  opened.push(acceptor, peer)
  const recorder = await waitFor(() => acceptor.recorders[0])
  return { net, peer, recorder, connection: recorder.connection as TlsConnection }
}

async function dialled(): Promise<Ends> {
  const net = new TestNet()
  const { certificate } = await testAuthority()
  const { chain, key } = await testLeaf()
  const origin = await recordOrigin({ cert: chain, key })
  const recorder = new Recorder(net)
  const there = ClientTls.of(upstreamTls({ ...TLS_PROFILE, ca: certificate })).peer('localhost', [])
  new Dial(net, { kind: 'tcp', host: '127.0.0.1', port: origin.port }, 5_000, recorder, there)
  const peer = await origin.accept()
  opened.push(origin, peer)
  await waitFor(() => recorder.events.includes('connect'))
  recorder.events.length = 0
  const connection = recorder.connection as TlsConnection
  connection.resume()
  return { net, peer, recorder, connection }
}

const SIDES = [
  ['a client, by a KeyUpdate', accepted, beginning(KEY_UPDATE, 1), Buffer.from([0])],
  ['an origin, by a KeyUpdate', dialled, beginning(KEY_UPDATE, 1), Buffer.from([0])],
  [
    'an origin, by a ticket',
    dialled,
    beginning(NEW_SESSION_TICKET, 18),
    Buffer.from([0, 0, 0, 9, 1, 2, 3, 4, 1, 0, 0, 4, 9, 9, 9, 9, 0, 0]),
  ],
] as const

describe('what is written in the middle of a message', () => {
  it.each(SIDES)('of %s, waits for its end and is sent then', async (_, open, first, rest) => {
    const { net, peer, recorder, connection } = await open()
    const heard: Buffer[] = []
    peer.secure.on('data', (chunk: Buffer) => heard.push(chunk))
    peer.socket.write(Buffer.concat([peer.record(DATA, 'go on'), peer.record(HANDSHAKE, first)]))
    await waitFor(() => recorder.text === 'go on')
    expect(say(connection, 'one ')).toBe(false)
    expect(say(connection, 'two ')).toBe(false)
    await turns()
    expect(say(connection, 'three')).toBe(false)
    await turns(5)
    expect([recorder.events, Buffer.concat(heard).toString()]).toEqual([[], ''])
    peer.socket.write(peer.record(HANDSHAKE, rest))
    await turns(5)
    net.pass(1_000)
    await waitFor(() => Buffer.concat(heard).toString() === 'one two three')
    await waitFor(() => recorder.events.length > 0)
    expect([recorder.events, connection.pendingWrites, net.wheel.hanging]).toEqual([['drain'], 0, 0])
    expect(say(connection, 'four')).toBe(true)
    connection.destroy()
  })

  it.each(SIDES)('of %s, breaks the connection when that has no end', async (_, open, first) => {
    const { net, peer, recorder, connection } = await open()
    peer.socket.write(Buffer.concat([peer.record(DATA, 'go on'), peer.record(HANDSHAKE, first)]))
    await waitFor(() => recorder.text === 'go on')
    for (let count = 0; count < 3; count += 1) say(connection, 'never heard')
    net.pass(6_000)
    expect(connection.closed).toBe(false)
    net.pass(1_000)
    await waitFor(() => recorder.events.length > 0)
    expect([recorder.events, net.wheel.hanging, net.faults]).toEqual([['close EPROTO'], 0, []])
  })

  it('that never ends leaves nothing behind when the connection is closed', async () => {
    for (const end of ['destroy', 'reset', 'closeLingering', 'shutdown'] as const) {
      const { net, peer, recorder, connection } = await accepted()
      peer.socket.write(Buffer.concat([peer.record(DATA, 'go on'), peer.record(HANDSHAKE, beginning(KEY_UPDATE, 1))]))
      await waitFor(() => recorder.text === 'go on')
      say(connection, 'one')
      say(connection, 'two')
      connection[end]()
      await turns()
      net.pass(10_000)
      await turns()
      expect([end, connection.closed, net.wheel.hanging, net.faults]).toEqual([end, true, 0, []])
    }
  })
})

describe('a connection that the peer has ended by an alert without a name', () => {
  it.each([
    ['a client', accepted],
    ['an origin', dialled],
  ] as const)('of %s breaks when something is written', async (_, open) => {
    const { net, peer, recorder, connection } = await open()
    peer.socket.write(Buffer.concat([peer.record(DATA, 'go on'), peer.record(ALERT, NAMELESS)]))
    await waitFor(() => recorder.text === 'go on')
    for (let count = 0; count < 3; count += 1) say(connection, 'never heard')
    net.pass(10_000)
    await waitFor(() => recorder.events.at(-1) === 'close EPROTO')
    expect([connection.closed, net.faults]).toEqual([true, []])
  })
})
