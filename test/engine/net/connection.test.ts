import { describe, expect, it } from 'vitest'
import type { Connection, ConnectionOwner } from '../../../engine/net/connection.ts'
import { Dial } from '../../../engine/net/dial.ts'
import { rawClient } from '../../support/raw-client.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { flood, openShy, type ShyPeer } from './shy-peer.ts'
import { acceptOn, pattern, Recorder, TestNet } from './sockets.ts'

describe('a connection', () => {
  it('hands over what it reads as positions in the slot memory, and writes what it is given', async () => {
    const net = new TestNet()
    const echo = (connection: Connection, start: number, end: number) => {
      expect(connection.ownsSlot).toBe(false)
      expect(start).toBe(net.slots.landing.start)
      expect(connection.write(net.slots.memory, start, end, null)).toBe(true)
    }
    await using acceptor = await acceptOn(net, { owner: () => new Recorder(net, { onRead: echo }) })
    using client = await rawClient(acceptor.address)
    await client.send('hello')
    await client.readUntil(unread => unread.toString() === 'hello')
    expect(acceptor.recorders[0]!.text).toBe('hello')
  })

  it('between two of the engine carries bytes both ways', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const dialler = new Recorder(net)
    new Dial(net, acceptor.address, 5_000, dialler)
    await waitFor(() => dialler.connection !== null && acceptor.connections.length === 1)
    const [here, there] = [dialler.connection!, acceptor.connections[0]!]
    here.resume()
    for (const [one, other] of [
      [here, acceptor.recorders[0]!],
      [there, dialler],
    ] as const) {
      const bytes = pattern(300_000, one === here ? 1 : 2)
      one.write(bytes, 0, bytes.length, null)
      await waitFor(() => other.received.length === bytes.length)
      expect(other.received.equals(bytes)).toBe(true)
    }
    here.destroy()
    await waitFor(() => acceptor.recorders[0]!.events.at(-1) === 'end')
  })

  it('is counted until it closes, once', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    using client = await rawClient(acceptor.address)
    await waitFor(() => acceptor.connections.length === 1)
    const connection = acceptor.connections[0]!
    connection.destroy()
    connection.destroy()
    connection.reset()
    connection.closeLingering()
    expect(acceptor.released).toBe(1)
    expect(await client.closed).toBe('fin')
  })
})

describe('a write that the kernel does not take whole', () => {
  it('says so, goes on by itself in order with those behind it, and tells once when all are taken', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    const first = flood(connection)
    const rest = [pattern(10, 2), pattern(200_000, 3), pattern(1, 4)]
    for (const bytes of rest) expect(connection.write(bytes, 0, bytes.length, null)).toBe(false)
    expect(connection.pendingWrites).toBe(4)
    await turns()
    expect(recorder.events).toEqual([])
    peer.read()
    await waitFor(() => connection.pendingWrites === 0)
    const all = Buffer.concat([first, ...rest])
    await waitFor(() => peer.receivedBytes === all.length)
    expect(peer.received.equals(all)).toBe(true)
    expect(recorder.events).toEqual(['drain'])
    peer[Symbol.dispose]()
  })

  it('shows whether the peer takes any of it', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, , peer] = await openShy(acceptor)
    flood(connection)
    expect(connection.hasProgressed()).toBe(false)
    await turns()
    expect(connection.hasProgressed()).toBe(false)
    const waiting = connection.handle.writeQueueSize
    peer.read()
    await waitFor(() => connection.handle.writeQueueSize < waiting)
    expect(connection.pendingWrites).toBe(1)
    expect(connection.hasProgressed()).toBe(true)
    expect(connection.hasProgressed()).toBe(false)
    peer[Symbol.dispose]()
  })

  it('is over when the peer resets, and the owner is told', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    flood(connection)
    peer.socket.resetAndDestroy()
    await waitFor(() => connection.closed)
    await turns()
    expect(recorder.events.length).toBe(1)
    expect(recorder.events[0]).toMatch(/^close E(?:CONNRESET|PIPE)$/)
    expect(acceptor.released).toBe(1)
    await waitFor(() => connection.pendingWrites === 0)
  })

  it('may be of nothing, which is taken', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, , peer] = await openShy(acceptor)
    flood(connection)
    expect(connection.write(Buffer.alloc(4), 2, 2, null)).toBe(true)
    expect(connection.pendingWrites).toBe(1)
    peer[Symbol.dispose]()
  })
})

describe('half close', () => {
  it('by the peer is told once, and the other direction stays open', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    using client = await rawClient(acceptor.address, { halfOpen: true })
    await client.send('question')
    client.end()
    await waitFor(() => acceptor.recorders[0]?.events.includes('end'))
    expect(acceptor.recorders[0]).toMatchObject({ text: 'question', events: ['end'] })
    const connection = acceptor.connections[0]!
    expect(connection).toMatchObject({ readEnded: true, closed: false })
    connection.resume()
    connection.write(Buffer.from('answer'), 0, 6, null)
    await client.readUntil(unread => unread.toString() === 'answer')
    await turns()
    expect(acceptor.recorders[0]!.events).toEqual(['end'])
    connection.destroy()
    expect(await client.closed).toBe('fin')
  })

  it('by us is no error to be written behind, though nobody reads', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.pause()
    connection.shutdown()
    expect(connection.write(Buffer.from('late'), 0, 4, null)).toBe(true)
    await turns()
    expect(connection.closed).toBe(false)
    expect(recorder.events).toEqual([])
    peer[Symbol.dispose]()
  })

  it('by us comes behind everything that was written, and reading goes on', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    const bytes = flood(connection)
    connection.shutdown()
    connection.shutdown()
    expect(connection.write(Buffer.from('late'), 0, 4, null)).toBe(true)
    peer.socket.write('still heard')
    await waitFor(() => recorder.text === 'still heard')
    expect(peer.ended).toBe(false)
    peer.read()
    await waitFor(() => peer.ended)
    expect(peer.receivedBytes).toBe(bytes.length)
    expect(connection.closed).toBe(false)
    peer.socket.end()
    await waitFor(() => recorder.events.includes('end'))
    connection.destroy()
    peer[Symbol.dispose]()
  })
})

describe('a peer that breaks the connection', () => {
  it('is noticed by asking, while nobody reads; one that only ended its side is not gone', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [reset, recorder, resetPeer] = await openShy(acceptor)
    const [halfClosed, , halfClosedPeer] = await openShy(acceptor)
    for (const connection of [reset, halfClosed]) connection.pause()
    expect([reset.isConnected(), halfClosed.isConnected()]).toEqual([true, true])
    resetPeer.socket.resetAndDestroy()
    halfClosedPeer.socket.end()
    await waitFor(() => !reset.isConnected())
    await turns()
    expect(halfClosed.isConnected()).toBe(true)
    expect(recorder.events).toEqual([])
    for (const connection of [reset, halfClosed]) connection.destroy()
    expect(halfClosed.isConnected()).toBe(false)
    halfClosedPeer[Symbol.dispose]()
  })

  it('is told apart from one who has ended its side behind ours, and of whom there is something to be read', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.pause()
    connection.shutdown()
    peer.socket.end('last words')
    // The system does not know it any more.
    await waitFor(() => connection.transport.getpeername?.({}) !== 0)
    expect(connection.isConnected()).toBe(true)
    connection.resume()
    await waitFor(() => recorder.events.includes('end'))
    expect(recorder.text).toBe('last words')
    connection.destroy()
    expect(connection.isConnected()).toBe(false)
    peer[Symbol.dispose]()
  })

  it('is told as the error that the system has for it, once, after which nothing comes', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.setDeadline(1_000)
    peer.socket.resetAndDestroy()
    await waitFor(() => recorder.events.length > 0)
    connection.write(Buffer.from('x'), 0, 1, null)
    net.pass(5_000)
    await turns()
    expect(recorder.events).toEqual(['close ECONNRESET'])
    expect(connection.closed).toBe(true)
  })

  it('still has what it sent before its end heard, though writing to it fails', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.pause()
    peer.socket.end('early answer')
    await turns()
    connection.resume()
    flood(connection)
    await waitFor(() => recorder.text === 'early answer')
    peer[Symbol.dispose]()
    await waitFor(() => recorder.events.length > 0)
  })
})

describe('a deadline', () => {
  it('is told when it passes, and only then', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.setDeadline(1_000)
    net.pass(950)
    expect(recorder.events).toEqual([])
    connection.setDeadline(1_000)
    net.pass(950)
    expect(recorder.events).toEqual([])
    net.pass(200)
    expect(recorder.events).toEqual(['deadline'])
    connection.setDeadline(1_000)
    connection.clearDeadline()
    net.pass(5_000)
    expect(recorder.events).toEqual(['deadline'])
    expect(connection.closed).toBe(false)
    peer[Symbol.dispose]()
  })

  it('may close its connection', async () => {
    const net = new TestNet()
    const hooks = { onDeadline: (connection: Connection) => connection.destroy() }
    await using acceptor = await acceptOn(net, { owner: () => new Recorder(net, hooks) })
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.setDeadline(100)
    net.pass(300)
    expect(connection.closed).toBe(true)
    expect(recorder.events).toEqual(['deadline'])
    expect(net.wheel.hanging).toBe(0)
    peer[Symbol.dispose]()
  })
})

describe('an exception in an owner', () => {
  const broken = () => {
    throw new Error('a defect of ours')
  }

  it.each<[string, Partial<ConnectionOwner>, (connection: Connection, peer: ShyPeer, net: TestNet) => void]>([
    ['when bytes come', { onRead: broken }, (_, peer) => peer.socket.write('x')],
    ['when the peer ends', { onReadEnd: broken }, (_, peer) => peer.socket.end()],
    [
      'when the deadline passes',
      { onDeadline: broken },
      (connection, _, net) => {
        connection.setDeadline(100)
        net.pass(300)
      },
    ],
    [
      'when all is taken',
      { onDrain: broken },
      (connection, peer) => {
        flood(connection)
        peer.read()
      },
    ],
  ])('%s costs its connection and no other, and is told', async (_, hooks, provoke) => {
    const net = new TestNet()
    let count = 0
    await using acceptor = await acceptOn(net, {
      owner: () => {
        count += 1
        return new Recorder(net, count === 1 ? hooks : {})
      },
    })
    const [connection, recorder, peer] = await openShy(acceptor)
    const [, other, otherPeer] = await openShy(acceptor)
    provoke(connection, peer, net)
    await waitFor(() => connection.closed)
    await turns()
    expect(net.faults).toMatchObject([{ message: 'a defect of ours' }])
    expect(recorder.events.at(-1)).toBe('close EFAULT')
    otherPeer.socket.write('still served')
    await waitFor(() => other.text === 'still served')
    for (const one of [peer, otherPeer]) one[Symbol.dispose]()
  })

  it('when the connection breaks is told, too', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { owner: () => new Recorder(net, { onClose: broken }) })
    const [, , peer] = await openShy(acceptor)
    peer.socket.resetAndDestroy()
    await waitFor(() => net.faults.length === 1)
  })
})
