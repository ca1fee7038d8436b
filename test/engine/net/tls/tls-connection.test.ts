import { once } from 'node:events'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Connection, NOBODY } from '../../../../engine/net/connection.ts'
import { Dial, type DialOwner } from '../../../../engine/net/dial.ts'
import { ClientTls } from '../../../../engine/net/tls/client-tls.ts'
import { loadTls } from '../../../../engine/net/tls/load.ts'
import { type TlsConnection, TRUNCATED } from '../../../../engine/net/tls/tls-connection.ts'
import { belowTls } from '../../../integration/l4/flow-ends.ts'
import { collect } from '../../../support/collect.ts'
import { upstreamTls } from '../../../support/tls.ts'
import { turns } from '../../../support/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { pattern, Recorder, TestNet } from '../sockets.ts'
import {
  acceptSecure,
  cutBelow,
  readToEnd,
  relayInPieces,
  type SecureAcceptor,
  secureClient,
  testAuthority,
  testTls,
} from './secure-peers.ts'

beforeAll(async () => {
  await loadTls()
})

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

function write(connection: Connection, bytes: Buffer): boolean {
  return connection.write(bytes, 0, bytes.length, null)
}

/** Keeps nothing of its connection, which it closes when something comes. */
const FORGETFUL: DialOwner = {
  ...NOBODY,
  onConnect: connection => connection.resume(),
  onConnectError() {},
  onRead: connection => connection.destroy(),
}

/** A client of Node's, and the connection that the engine has of it. */
async function pair(acceptor: SecureAcceptor, more: Parameters<typeof secureClient>[0] | object = {}) {
  const index = acceptor.connections.length
  const socket = await secureClient({ port: acceptor.port, ...more })
  const connection = await waitFor(() => acceptor.connections[index], 'the handshake of the server')
  return { socket, connection, recorder: acceptor.recorders[index]! }
}

describe('an encrypted connection', () => {
  it.each(VERSIONS)('with %s carries bytes both ways between two of the engine', async version => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls({ alpn: ['h2', 'http/1.1'] }))
    const dialler = new Recorder(net)
    const ca = (await testAuthority()).certificate
    const peer = ClientTls.of(upstreamTls({ ca, minVersion: version, maxVersion: version })).peer('localhost', ['h2'])
    new Dial(net, acceptor.address, 5_000, dialler, peer)
    await waitFor(
      () => dialler.connection !== null && acceptor.connections.length === 1,
      () => String(dialler.events),
    )
    const [here, there] = [dialler.connection!, acceptor.connections[0]!]
    expect(here.tls).toMatchObject({ alpn: 'h2', version, serverName: 'localhost', resumed: false })
    expect(there.tls).toMatchObject({ alpn: 'h2', version, serverName: 'localhost', clientCertificate: null })
    here.resume()
    for (const [one, other] of [
      [here, acceptor.recorders[0]!],
      [there, dialler],
    ] as const) {
      const bytes = pattern(900_001, one === here ? 1 : 2)
      write(one, bytes)
      await waitFor(() => other.received.length === bytes.length)
      expect(other.received.equals(bytes)).toBe(true)
    }
    here.destroy()
    await waitFor(() => acceptor.recorders[0]!.events.at(-1) === 'end')
    expect(net.faults).toEqual([])
  })

  it.each(VERSIONS)('with %s comes about when its bytes come one by one', async version => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    await using relay = await relayInPieces(acceptor.port, 1)
    const { socket, connection, recorder } = await pair(acceptor, { port: relay.port, maxVersion: version })
    socket.write(pattern(2_000))
    await waitFor(() => recorder.received.length === 2_000)
    expect(recorder.received.equals(pattern(2_000))).toBe(true)
    write(connection, pattern(3_000, 2))
    connection.destroy()
    const { bytes, error } = await readToEnd(socket)
    expect([error, bytes.equals(pattern(3_000, 2))]).toEqual(['', true])
  })

  it('is not collected while its socket is open, even if nobody holds it any more', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { certificate } = await testAuthority()
    const peer = ClientTls.of(upstreamTls({ ca: certificate })).peer('localhost', [])
    new Dial(net, acceptor.address, 5_000, FORGETFUL, peer)
    const here = await waitFor(() => acceptor.connections[0])
    for (let count = 0; count < 3; count += 1) {
      await turns()
      collect()
    }
    write(here, pattern(100))
    await waitFor(() => here.readEnded)
  })

  it('hands over what comes together with the end of the handshake', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { certificate } = await testAuthority()
    const { connect } = await import('node:tls')
    const socket = connect({ port: acceptor.port, host: '127.0.0.1', servername: 'localhost', ca: certificate })
    // Written before there is a connection: it goes out in the segment of the client's Finished.
    socket.write('at once')
    const recorder = await waitFor(() => acceptor.recorders[0])
    await waitFor(() => recorder.text === 'at once')
    socket.destroy()
  })

  it('hands nothing to an owner that does not read, and all of it in order when that goes on', async () => {
    const net = new TestNet()
    const pauseAtOnce = (connection: Connection) => connection.pause()
    await using acceptor = await acceptSecure(net, await testTls(), () => new Recorder(net, { onRead: pauseAtOnce }))
    const { socket, connection, recorder } = await pair(acceptor)
    // Several records in one segment, and the announced end behind them.
    const bytes = pattern(10_000)
    socket.setMaxSendFragment(512)
    socket.end(bytes)
    await waitFor(() => recorder.received.length > 0)
    while (recorder.received.length < bytes.length) {
      await turns()
      const before = recorder.received.length
      expect([before % 512, connection.reading, recorder.events]).toEqual([0, false, []])
      connection.resume()
      await waitFor(() => recorder.received.length > before)
    }
    expect(recorder.received.equals(bytes)).toBe(true)
    await turns()
    expect(recorder.events).toEqual([])
    connection.resume()
    await waitFor(() => recorder.events.length > 0)
    expect(recorder.events).toEqual(['end'])
  })

  it('reads no further than it is asked to, however much the peer sends', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, connection, recorder } = await pair(acceptor)
    connection.pause()
    const bytes = pattern(20_000_000)
    socket.write(bytes)
    await turns(20)
    expect(recorder.received.length).toBe(0)
    connection.resume()
    await waitFor(() => recorder.received.length === bytes.length)
    expect(recorder.received.equals(bytes)).toBe(true)
    socket.destroy()
  })

  it('holds no more than one read brings, however little of it is taken at a time', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, connection, recorder } = await pair(acceptor)
    const bytes = pattern(400_000)
    connection.pause()
    connection.readAtMost(256)
    const { transport } = connection as unknown as { readonly transport: { readonly bytesRead: number } }
    const before = transport.bytesRead
    let heldMax = 0
    const { onRead } = recorder
    recorder.onRead = (reader, start, end) => {
      onRead.call(recorder, reader, start, end)
      heldMax = Math.max(heldMax, transport.bytesRead - before - recorder.received.length)
      reader.pause()
      setTimeout(() => reader.resume())
    }
    socket.write(bytes)
    connection.resume()
    await waitFor(() => recorder.received.length >= 30_000)
    expect(heldMax).toBeLessThan(128 * 1024)
    expect(recorder.received.equals(bytes.subarray(0, recorder.received.length))).toBe(true)
    connection.destroy()
  })

  it('never reads over bytes of its slot that somebody still has to take', async () => {
    const net = new TestNet()
    const lent: Buffer[] = []
    const views: Buffer[] = []
    const lend = (connection: Connection, start: number, end: number) => {
      connection.takeSlot()
      if (!connection.ownsSlot || start !== connection.slot.start || lent.length > 5) return
      connection.slot.lent += 1
      const view = net.slots.memory.subarray(start, end)
      views.push(view)
      lent.push(Buffer.from(view))
    }
    await using acceptor = await acceptSecure(net, await testTls(), () => new Recorder(net, { onRead: lend }))
    const { socket, recorder } = await pair(acceptor)
    const bytes = pattern(2_000_000)
    socket.write(bytes)
    await waitFor(() => recorder.received.length === bytes.length)
    expect(lent.length).toBeGreaterThan(1)
    for (const [index, view] of views.entries()) expect(view.equals(lent[index]!)).toBe(true)
    expect(recorder.received.equals(bytes)).toBe(true)
    socket.destroy()
  })
})

describe('writes of one turn of the loop', () => {
  it('arrive in order; those behind the first wait, and the owner is told once when they are out', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, connection, recorder } = await pair(acceptor)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    const scratch = Buffer.from('first ')
    expect(write(connection, scratch)).toBe(true)
    // Its bytes are free again as soon as the call has returned.
    scratch.fill('x')
    expect(write(connection, Buffer.from('second '))).toBe(false)
    expect(write(connection, Buffer.from('third'))).toBe(false)
    expect(connection.pendingWrites).toBe(1)
    await waitFor(() => Buffer.concat(chunks).toString() === 'first second third')
    expect(recorder.events).toEqual(['drain'])
    expect(connection.pendingWrites).toBe(0)
    socket.destroy()
  })

  it('can go on from within the word that they are out', async () => {
    const net = new TestNet()
    let left = 200
    const again = (connection: Connection) => {
      if (left-- > 0) {
        write(connection, Buffer.from('a'))
        write(connection, Buffer.from('b'))
      } else connection.destroy()
    }
    await using acceptor = await acceptSecure(net, await testTls(), () => new Recorder(net, { onDrain: again }))
    const { socket, connection } = await pair(acceptor)
    write(connection, Buffer.from('a'))
    write(connection, Buffer.from('b'))
    const { bytes, error } = await readToEnd(socket)
    expect([error, bytes.toString()]).toEqual(['', 'ab'.repeat(201)])
    expect(net.faults).toEqual([])
  })

  it('that the peer does not take say so until it does, and how far it has got', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, connection, recorder } = await pair(acceptor)
    socket.pause()
    const all: Buffer[] = []
    for (let seed = 0; connection.pendingWrites === 0; seed += 1) {
      const bytes = pattern(500_000, seed)
      all.push(bytes)
      write(connection, bytes)
      await turns(2)
    }
    expect(connection.waitingBytes).toBeGreaterThan(0)
    expect(connection.hasProgressed()).toBe(false)
    await turns()
    expect(connection.hasProgressed()).toBe(false)
    const whole = Buffer.concat(all)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.resume()
    await waitFor(() => connection.hasProgressed() || recorder.events.includes('drain'))
    await waitFor(() => chunks.reduce((sum, { length }) => sum + length, 0) === whole.length)
    expect(Buffer.concat(chunks).equals(whole)).toBe(true)
    await waitFor(() => recorder.events.includes('drain'))
    socket.destroy()
  })
})

describe('the end of an encrypted connection', () => {
  it.each(VERSIONS)('with %s is announced behind what was written, even in the same turn', async version => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, connection } = await pair(acceptor, { maxVersion: version })
    const bytes = pattern(100_000)
    const taken = write(connection, bytes)
    expect(taken).toBe(true)
    connection.destroy()
    expect(connection.closed).toBe(true)
    const got = await readToEnd(socket)
    expect([got.error, got.bytes.equals(bytes)]).toEqual(['', true])
    await waitFor(() => acceptor.listener.connections.size === 0)
  })

  it('comes behind everything written when it lingers', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, connection } = await pair(acceptor)
    const bytes = pattern(8_000_000)
    write(connection, bytes)
    connection.closeLingering()
    const got = await readToEnd(socket)
    expect([got.error, got.bytes.equals(bytes)]).toEqual(['', true])
    socket.destroy()
    await waitFor(() => connection.closed)
  })

  it('is not announced when the connection is reset', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, connection } = await pair(acceptor)
    write(connection, Buffer.from('half of it'))
    connection.reset()
    expect((await readToEnd(socket)).error).toBe('ECONNRESET')
  })

  it('by one side leaves the other side to go on', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, connection, recorder } = await pair(acceptor, { allowHalfOpen: true } as object)
    write(connection, Buffer.from('my last word'))
    connection.shutdown()
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(socket, 'end')
    expect(Buffer.concat(chunks).toString()).toBe('my last word')
    socket.write('not mine')
    await waitFor(() => recorder.text === 'not mine')
    expect(write(connection, Buffer.from('dropped'))).toBe(true)
    socket.end()
    await waitFor(() => recorder.events.includes('end'))
    connection.destroy()
  })

  it('announced by the peer is an end', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, recorder } = await pair(acceptor)
    socket.end('all of it')
    await waitFor(() => recorder.events.length > 0)
    expect([recorder.text, recorder.events]).toEqual(['all of it', ['end']])
  })

  it('that nobody has announced is a broken connection', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, recorder, connection } = await pair(acceptor)
    socket.write('not all of it')
    await waitFor(() => recorder.text === 'not all of it')
    cutBelow(socket)
    await waitFor(() => recorder.events.length > 0)
    expect([recorder.events, connection.closed]).toEqual([[`close ${TRUNCATED}`], true])
    socket.destroy()
  })

  it('by a RST is told as that, although a write has met it before any read', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, recorder, connection } = await pair(acceptor)
    socket.write('not all of it')
    await waitFor(() => recorder.text === 'not all of it')
    // Both in one turn: nothing is read between them.
    belowTls(socket)?.reset()
    write(connection, pattern(100))
    await waitFor(() => recorder.events.length > 0)
    expect([recorder.events, connection.closed]).toEqual([['close ECONNRESET'], true])
    socket.destroy()
  })

  it('by garbage on the wire is a broken connection', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const { socket, recorder } = await pair(acceptor)
    const { _handle } = socket as unknown as { _handle: { _parent: Connection['handle'] } }
    const { WriteWrap } = await import('../../../../engine/net/handles.ts')
    _handle._parent.writeBuffer(new WriteWrap(), Buffer.from('\x17\x03\x03\x00\x20garbage garbage garbage garbage!'))
    await waitFor(() => recorder.events.length > 0)
    expect(recorder.events).toEqual(['close ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC'])
    socket.destroy()
  })

  it('is told to nobody after it was destroyed, whatever still comes', async () => {
    const net = new TestNet()
    const destroyAtOnce = (connection: Connection) => connection.destroy()
    await using acceptor = await acceptSecure(net, await testTls(), () => new Recorder(net, { onRead: destroyAtOnce }))
    const { socket, recorder } = await pair(acceptor)
    socket.on('error', () => undefined)
    // Many records in one segment.
    socket.setMaxSendFragment(512)
    socket.write(pattern(10_000))
    await waitFor(() => recorder.received.length > 0)
    await turns(5)
    expect([recorder.received.length, recorder.events]).toEqual([512, []])
    expect(net.slots.taken).toBe(0)
  })

  it('leaves no timer and no slot behind', async () => {
    const net = new TestNet()
    await using acceptor = await acceptSecure(net, await testTls())
    const connections: TlsConnection[] = []
    for (let index = 0; index < 5; index += 1) {
      const { socket, connection } = await pair(acceptor)
      connection.setDeadline(1000)
      write(connection, Buffer.from('bye'))
      connection.destroy()
      connections.push(connection)
      await readToEnd(socket)
    }
    await waitFor(() => acceptor.listener.connections.size === 0)
    expect([net.wheel.hanging, net.slots.taken, net.faults]).toEqual([0, 0, []])
  })
})
