import { describe, expect, it } from 'vitest'
import type { Connection, ConnectionOwner } from '../../../engine/net/connection.ts'
import { SLOT_BYTES, type Slot } from '../../../engine/net/slots.ts'
import { rawClient } from '../../support/raw-client.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { FLOOD_BYTES, flood, openShy, ShyPeer } from './shy-peer.ts'
import { acceptOn, pattern, Recorder, TestNet } from './sockets.ts'

/** Reads in bulk, in slots of its own, and writes each read on by reference, as a proxy does. */
class Pump implements ConnectionOwner {
  readonly #net: TestNet
  readonly target: Connection
  /** Slots whose bytes were written on and have to wait. */
  readonly lent: Slot[] = []
  reads = 0

  constructor(net: TestNet, target: Connection) {
    this.#net = net
    this.target = target
  }

  onRead(connection: Connection, start: number, end: number): void {
    this.reads += 1
    if (connection.ownsSlot) {
      if (this.target.write(this.#net.slots.memory, start, end, connection.slot)) return
      this.lent.push(connection.slot)
      connection.pause()
    } else {
      const copy = Buffer.from(this.#net.slots.memory.subarray(start, end))
      if (!this.target.write(copy, 0, copy.length, null)) connection.pause()
      connection.takeSlot()
    }
  }

  onReadEnd(): void {}
  onDrain(): void {}
  onDeadline(): void {}
  onClose(): void {}
}

describe('a slot of its own', () => {
  it('is read into from the next read on, until it is given back', async () => {
    const net = new TestNet(2)
    const places: [owns: boolean, start: number][] = []
    const hooks = {
      onRead: (connection: Connection, start: number) => {
        places.push([connection.ownsSlot, start])
        if (places.length === 1) connection.takeSlot()
        if (places.length === 3) connection.giveSlot()
      },
    }
    await using acceptor = await acceptOn(net, { owner: () => new Recorder(net, hooks) })
    using client = await rawClient(acceptor.address)
    for (const [index, text] of ['one', 'two', 'three', 'four'].entries()) {
      await client.send(text)
      await waitFor(() => places.length === index + 1)
    }
    const landing = net.slots.landing.start
    expect(places.map(([owns]) => owns)).toEqual([false, true, true, false])
    expect(places.map(([, start]) => start === landing)).toEqual([true, false, false, true])
    expect(acceptor.recorders[0]!.text).toBe('onetwothreefour')
    expect(net.slots.taken).toBe(0)
  })

  it('is the landing slot still where none is free', async () => {
    const net = new TestNet(1)
    const owned: boolean[] = []
    const hooks = {
      onRead: (connection: Connection) => {
        connection.takeSlot()
        owned.push(connection.ownsSlot)
      },
    }
    await using acceptor = await acceptOn(net, { owner: () => new Recorder(net, hooks) })
    using first = await rawClient(acceptor.address)
    await first.send('a')
    await waitFor(() => owned.length === 1)
    using second = await rawClient(acceptor.address)
    await second.send('b')
    await waitFor(() => owned.length === 2)
    expect(owned).toEqual([true, false])
    await second.send('more')
    await waitFor(() => acceptor.recorders[1]!.text === 'bmore')
    acceptor.connections[0]!.destroy()
    expect(net.slots.taken).toBe(0)
  })

  it('comes back when its connection closes, in whatever way', async () => {
    const net = new TestNet(8)
    const hooks = { onRead: (connection: Connection) => connection.takeSlot() }
    await using acceptor = await acceptOn(net, { owner: () => new Recorder(net, hooks) })
    const ways: ((connection: Connection, peer: ShyPeer) => void)[] = [
      connection => connection.destroy(),
      connection => connection.reset(),
      connection => connection.closeLingering(),
      (_, peer) => peer.socket.resetAndDestroy(),
    ]
    for (const [index, close] of ways.entries()) {
      const [connection, , peer] = await openShy(acceptor)
      peer.socket.write('x')
      await waitFor(() => connection.ownsSlot)
      expect(net.slots.taken).toBe(1)
      close(connection, peer)
      if (index === 2) peer[Symbol.dispose]()
      await waitFor(() => connection.closed && net.slots.taken === 0)
      peer[Symbol.dispose]()
    }
  })

  it('keeps its bytes for a slow peer when its reader is destroyed, whatever else is read meanwhile', async () => {
    const net = new TestNet(3)
    await using sink = await acceptOn(net)
    const [target, , slowPeer] = await openShy(sink)
    const before = flood(target)
    let pump: Pump | null = null
    await using source = await acceptOn(net, {
      owner: () => {
        const recorder = new Recorder(net)
        pump ??= new Pump(net, target)
        return recorder
      },
    })
    const sender = await ShyPeer.connect(source.address)
    await waitFor(() => source.connections.length === 1)
    const reader = source.connections[0]!
    reader.owner = pump!
    const sent = pattern(3 * SLOT_BYTES, 7)
    sender.socket.write(sent)
    // The first read is copied and stops the reader; the second one lies in a slot, which is then lent.
    await waitFor(() => pump!.reads === 1)
    reader.resume()
    await waitFor(() => pump!.lent.length === 1)
    const lentSlot = pump!.lent[0]!
    expect(lentSlot.lent).toBe(1)
    const forwarded = pump!.reads
    reader.destroy()
    expect(net.slots.taken).toBe(1)

    // Others read into every slot that there is.
    const noisy = { onRead: (connection: Connection) => connection.takeSlot() }
    await using others = await acceptOn(net, { owner: () => new Recorder(net, noisy) })
    const noise = []
    for (let count = 0; count < 4; count += 1) {
      const [, recorder, peer] = await openShy(others)
      noise.push(peer)
      peer.socket.write(Buffer.alloc(4 * SLOT_BYTES, 0xee))
      await waitFor(() => recorder.received.length === 4 * SLOT_BYTES)
    }
    expect(others.connections.some(connection => connection.slot === lentSlot)).toBe(false)

    slowPeer.read()
    await waitFor(() => target.pendingWrites === 0)
    expect(lentSlot.lent).toBe(0)
    const arrived = () => slowPeer.receivedBytes - before.length
    await waitFor(() => arrived() > 0 && target.pendingWrites === 0)
    await turns(10)
    expect(forwarded).toBe(2)
    const got = slowPeer.received.subarray(before.length)
    expect(got.equals(sent.subarray(0, got.length))).toBe(true)
    expect(got.length).toBeGreaterThan(0)
    for (const connection of others.connections) connection.destroy()
    expect(net.slots.taken).toBe(0)
    for (const peer of [sender, slowPeer, ...noise]) peer[Symbol.dispose]()
  })

  it('keeps its bytes when the connection that they are written to waits, and is read into again after the drain', async () => {
    const net = new TestNet(2)
    await using sink = await acceptOn(net)
    const [target, recorder, slowPeer] = await openShy(sink)
    await using source = await acceptOn(net)
    const sender = await ShyPeer.connect(source.address)
    await waitFor(() => source.connections.length === 1)
    const reader = source.connections[0]!
    const pump = new Pump(net, target)
    reader.owner = pump
    target.owner = Object.assign(Object.create(recorder) as Recorder, {
      onDrain: () => {
        reader.resume()
      },
    })
    const sent = pattern(FLOOD_BYTES, 5)
    sender.socket.write(sent)
    await waitFor(() => pump.lent.length > 0)
    await turns(20)
    expect(reader.reading).toBe(false)
    slowPeer.read()
    await waitFor(() => slowPeer.receivedBytes === sent.length)
    expect(slowPeer.received.equals(sent)).toBe(true)
    reader.destroy()
    expect(net.slots.taken).toBe(0)
    for (const peer of [sender, slowPeer]) peer[Symbol.dispose]()
  })

  it.each(['within the read', 'within the read, giving it back', 'later'])(
    'is left for another one when its reader goes on %s, before it is drained',
    async when => {
      const net = new TestNet(3)
      await using sink = await acceptOn(net)
      const [target, , slowPeer] = await openShy(sink)
      const before = flood(target)
      await using source = await acceptOn(net)
      const sender = await ShyPeer.connect(source.address)
      await waitFor(() => source.connections.length === 1)
      const reader = source.connections[0]!
      const places: number[] = []
      reader.owner = Object.assign(Object.create(new Recorder(net)) as Recorder, {
        onRead: (connection: Connection, start: number, end: number) => {
          places.push(connection.slot.start)
          if (places.length === 1) connection.takeSlot()
          if (places.length !== 2) return
          // As when the next response on a shared connection is somebody else's: this one's bytes still wait.
          expect(target.write(net.slots.memory, start, end, connection.slot)).toBe(false)
          connection.pause()
          if (when !== 'later') connection.resume()
          if (when === 'within the read, giving it back') connection.giveSlot()
        },
      })
      const sent = pattern(4 * SLOT_BYTES, 7)
      sender.socket.write(sent.subarray(0, SLOT_BYTES))
      await waitFor(() => places.length === 1)
      sender.socket.write(sent.subarray(SLOT_BYTES, SLOT_BYTES + 1000))
      await waitFor(() => places.length === 2)
      if (when === 'later') reader.resume()
      sender.socket.write(Buffer.alloc(SLOT_BYTES, 0xee))
      await waitFor(() => places.length > 2)
      expect(places[2]).not.toBe(places[1])

      slowPeer.read()
      await waitFor(() => slowPeer.receivedBytes === before.length + 1000)
      const got = slowPeer.received.subarray(before.length)
      expect(got.equals(sent.subarray(SLOT_BYTES, SLOT_BYTES + 1000))).toBe(true)
      reader.destroy()
      expect(net.slots.taken).toBe(0)
      for (const peer of [sender, slowPeer]) peer[Symbol.dispose]()
    },
  )

  it.each([
    ['where others are free', 4],
    ['where none is free', 1],
  ])('that is lent is never read over, though its connection reads on, %s', async (_, slotCount) => {
    const net = new TestNet(slotCount)
    await using sink = await acceptOn(net)
    const [target, , slowPeer] = await openShy(sink)
    const before = flood(target)
    const forwarded: Buffer[] = []
    const lent = new Set<Slot>()
    const hooks = {
      onRead: (connection: Connection, start: number, end: number) => {
        if (!connection.ownsSlot) {
          connection.takeSlot()
          return
        }
        forwarded.push(Buffer.from(net.slots.memory.subarray(start, end)))
        expect(lent.has(connection.slot)).toBe(false)
        expect(target.write(net.slots.memory, start, end, connection.slot)).toBe(false)
        lent.add(connection.slot)
        // Every other time it stops, and goes on before the bytes are taken; otherwise it does not even stop.
        if (forwarded.length % 2 === 0) return
        connection.pause()
        setImmediate(() => connection.resume())
      },
    }
    await using source = await acceptOn(net, { owner: () => new Recorder(net, hooks) })
    const sender = await ShyPeer.connect(source.address)
    for (let round = 0; round < 12; round += 1) {
      const received = source.recorders[0]?.received.length ?? 0
      sender.socket.write(pattern(1_000, round))
      await waitFor(() => (source.recorders[0]?.received.length ?? 0) > received)
    }
    expect(forwarded.length).toBeGreaterThan(0)
    slowPeer.read()
    const sent = Buffer.concat([before, ...forwarded])
    await waitFor(() => slowPeer.receivedBytes === sent.length)
    expect(slowPeer.received.equals(sent)).toBe(true)
    source.connections[0]!.destroy()
    expect(net.slots.taken).toBe(0)
    for (const peer of [sender, slowPeer]) peer[Symbol.dispose]()
  })
})
