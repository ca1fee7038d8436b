import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../../engine/net/connection.ts'
import { rawClient } from '../../support/raw-client.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { bytesRead, FLOOD_BYTES, flood, openShy } from './shy-peer.ts'
import { acceptOn, Recorder, TestNet } from './sockets.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('closing behind what was written', () => {
  it('sends all of it, then FIN, throws away what still comes, and ends with the peer', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    peer.socket.write('heard')
    await waitFor(() => recorder.text === 'heard')
    const bytes = flood(connection)
    connection.closeLingering()
    peer.socket.write(Buffer.alloc(1_000_000, 'n'))
    peer.read()
    await waitFor(() => peer.ended)
    expect(peer.receivedBytes).toBe(bytes.length)
    expect(connection.closed).toBe(false)
    peer.socket.end()
    await waitFor(() => connection.closed)
    expect(recorder.text).toBe('heard')
    expect(recorder.events).toEqual([])
    expect(peer.failure).toBe('')
    expect(acceptor.released).toBe(1)
    peer[Symbol.dispose]()
  })

  it('lasts a bounded time for a peer that does not close', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.write(Buffer.from('bye'), 0, 3, null)
    connection.closeLingering()
    peer.read()
    await waitFor(() => peer.ended)
    net.pass(1_900)
    expect(connection.closed).toBe(false)
    net.pass(300)
    expect(connection.closed).toBe(true)
    expect(recorder.events).toEqual([])
    expect(net.wheel.hanging).toBe(0)
    peer[Symbol.dispose]()
  })

  it('does not cut off a peer that takes its time to read what was written', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, , peer] = await openShy(acceptor)
    const bytes = flood(connection, 5 * FLOOD_BYTES)
    connection.closeLingering()
    for (let round = 0; round < 3; round += 1) {
      net.pass(1_500)
      const waiting = connection.handle.writeQueueSize
      peer.read()
      await waitFor(() => connection.closed || connection.handle.writeQueueSize < waiting)
      peer.socket.pause()
      expect(connection.closed).toBe(false)
    }
    peer.read()
    await waitFor(() => peer.ended || peer.failure !== '')
    expect(peer.failure).toBe('')
    expect(peer.receivedBytes).toBe(bytes.length)
    peer[Symbol.dispose]()
  })

  it('goes on as long as the peer sends, but not for ever', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.closeLingering()
    for (let round = 0; round < 4; round += 1) {
      const before = bytesRead(connection)
      peer.socket.write('more')
      await waitFor(() => bytesRead(connection) > before)
      net.pass(1_500)
      expect(connection.closed).toBe(false)
    }
    vi.advanceTimersByTime(60_000)
    peer.socket.write('still more')
    await waitFor(() => connection.closed)
    expect(recorder.events).toEqual([])
    peer[Symbol.dispose]()
  })

  it('ends at once when the peer has closed already and nothing waits', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    peer.socket.end()
    await waitFor(() => recorder.events.includes('end'))
    connection.closeLingering()
    expect(connection.closed).toBe(true)
    peer[Symbol.dispose]()
  })

  it('ends when the last byte is taken by a peer that has closed its own side before', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    peer.socket.end()
    await waitFor(() => recorder.events.includes('end'))
    const bytes = flood(connection)
    connection.closeLingering()
    expect(connection.closed).toBe(false)
    peer.read()
    await waitFor(() => peer.ended)
    expect(peer.receivedBytes).toBe(bytes.length)
    await waitFor(() => connection.closed)
    peer[Symbol.dispose]()
  })
})

describe('closing at once', () => {
  it('tells the owner nothing more', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.setDeadline(100)
    flood(connection)
    peer.socket.write('unheard')
    connection.destroy()
    expect(connection.closed).toBe(true)
    expect(net.wheel.hanging).toBe(0)
    net.pass(1_000)
    peer.read()
    await waitFor(() => peer.socket.destroyed || peer.ended || peer.failure !== '')
    await turns()
    expect(recorder).toMatchObject({ events: [], text: '' })
    expect(net.wheel.hanging).toBe(0)
    peer[Symbol.dispose]()
  })

  it('tells the owner nothing of an error that came just before', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.pause()
    peer.socket.resetAndDestroy()
    await turns()
    // The write finds the connection broken; its owner, of another mind, closes it in the same breath.
    for (let count = 0; count < 3 && !connection.closed; count += 1) connection.write(Buffer.from('x'), 0, 1, null)
    expect(connection.closed).toBe(true)
    connection.destroy()
    await turns()
    expect(recorder.events).toEqual([])
  })

  it('drops what is written afterwards, and can be asked for anything without harm', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.destroy()
    expect(connection.write(Buffer.from('x'), 0, 1, null)).toBe(true)
    connection.resume()
    connection.pause()
    connection.shutdown()
    connection.setDeadline(10)
    connection.clearDeadline()
    net.pass(1_000)
    await turns()
    expect(recorder.events).toEqual([])
    expect(connection.reading).toBe(false)
    peer[Symbol.dispose]()
  })

  it('may happen in the callback of a read, and nothing more is read', async () => {
    const net = new TestNet(2)
    const hooks = {
      onRead: (connection: Connection) => {
        connection.takeSlot()
        connection.destroy()
      },
    }
    await using acceptor = await acceptOn(net, { owner: () => new Recorder(net, hooks) })
    using client = await rawClient(acceptor.address)
    await client.send('one')
    await client.closed
    expect(acceptor.recorders[0]).toMatchObject({ text: 'one', events: [] })
    expect(net.slots.taken).toBe(0)
  })

  it('with RST shows the peer that it was cut', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const [connection, recorder, peer] = await openShy(acceptor)
    connection.write(Buffer.from('half of'), 0, 7, null)
    peer.read()
    await waitFor(() => peer.receivedBytes === 7)
    connection.reset()
    await waitFor(() => peer.failure !== '')
    expect(peer.failure).toBe('ECONNRESET')
    expect(peer.ended).toBe(false)
    expect(recorder.events).toEqual([])
    peer[Symbol.dispose]()
  })

  it('with RST works with bytes that wait, and behind a FIN of ours', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    for (const prepare of [flood, (connection: Connection) => connection.shutdown()]) {
      const [connection, , peer] = await openShy(acceptor)
      prepare(connection)
      connection.reset()
      expect(connection.closed).toBe(true)
      peer.read()
      await waitFor(() => peer.failure !== '' || peer.ended)
      peer[Symbol.dispose]()
    }
  })
})
