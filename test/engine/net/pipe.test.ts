import { beforeEach, describe, expect, it } from 'vitest'
import type { ByteStream, ByteStreamOwner } from '../../../engine/net/byte-stream.ts'
import { Pipe, type PipeEnd, type PipeOwner } from '../../../engine/net/pipe.ts'
import type { Slot } from '../../../engine/net/slots.ts'
import { TestNet } from './sockets.ts'

const memory = Buffer.alloc(256 * 1024)

/** A stream that notes what is done with it; what it does not take it keeps by reference, as a write of a handle does. */
class FakeStream implements ByteStream {
  owner!: ByteStreamOwner
  readonly calls: string[] = []
  readonly slot: Slot = new TestNet().slots.landing
  readonly copiesWrites = false
  pendingWrites = 0
  readEnded = false
  writeEnded = false
  closed = false
  ownsSlot = false
  takes = true
  progresses = false
  connected = true
  #lent: Uint8Array[] = []

  get written(): string {
    return this.#lent.map(bytes => Buffer.from(bytes).toString()).join('')
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.takes) {
      this.#lent.push(Uint8Array.from(bytes.subarray(start, end)))
      return true
    }
    this.#lent.push(bytes.subarray(start, end))
    this.pendingWrites += 1
    return false
  }

  drain(): void {
    this.pendingWrites = 0
    this.owner.onDrain(this)
  }

  read(text: string): void {
    memory.write(text, 100)
    this.owner.onRead(this, 100, 100 + text.length)
    memory.fill('?')
  }

  end(): void {
    this.readEnded = true
    this.owner.onReadEnd(this)
  }

  takeSlot(): void {
    this.calls.push('takeSlot')
  }
  giveSlot(): void {}
  resume(): void {
    this.calls.push('resume')
  }
  pause(): void {
    this.calls.push('pause')
  }
  shutdown(): void {
    this.writeEnded = true
    this.calls.push('shutdown')
  }
  setDeadline(): void {}
  clearDeadline(): void {}
  isConnected(): boolean {
    return this.connected
  }
  hasProgressed(): boolean {
    return this.progresses
  }
  finish(): void {
    this.closed = true
    this.calls.push('finish')
  }
  destroy(): void {
    this.closed = true
    this.calls.push('destroy')
  }
  reset(): void {
    this.closed = true
    this.calls.push('reset')
  }
}

let client: FakeStream
let endpoint: FakeStream
let counters: Float64Array
let events: string[]
let pipe: Pipe

beforeEach(() => {
  client = new FakeStream()
  endpoint = new FakeStream()
  counters = new Float64Array(32)
  events = []
  const owner: PipeOwner = {
    onFirstBytes: isClient => events.push(isClient ? 'asked' : 'answered'),
    onSettled: () => events.push('settled'),
    onPipeEnd: (end: PipeEnd, error: string) => events.push(`${end} ${error}`.trim()),
  }
  pipe = new Pipe({ client, endpoint, memory, timeouts: { idleMs: 1000, halfCloseMs: 500 }, counters, owner })
})

describe('a pipe', () => {
  it('passes on what comes, and tells of the first bytes of either side once', () => {
    pipe.begin(null)
    client.read('ab')
    client.read('c')
    endpoint.read('xyz')
    endpoint.read('!')
    expect([endpoint.written, client.written]).toEqual(['abc', 'xyz!'])
    expect([pipe.bytesIn, pipe.bytesOut]).toEqual([3, 4])
    expect(events).toEqual(['asked', 'answered'])
  })

  it('keeps what is not taken at once as it is, and reads no more of it before it is', () => {
    pipe.begin(null)
    endpoint.takes = false
    client.read('first')
    expect(client.calls).toEqual(['resume', 'pause'])
    endpoint.read('overwrites the slot that everybody reads into')
    expect(endpoint.written).toBe('first')
    endpoint.drain()
    expect(client.calls).toEqual(['resume', 'pause', 'resume'])
  })

  it('keeps several of different pipes apart', () => {
    const others = [new FakeStream(), new FakeStream()] as const
    const owner: PipeOwner = { onFirstBytes() {}, onSettled() {}, onPipeEnd() {} }
    const timeouts = { idleMs: 1000, halfCloseMs: 500 }
    new Pipe({ client: others[0], endpoint: others[1], memory, timeouts, counters, owner }).begin(null)
    pipe.begin(null)
    endpoint.takes = false
    others[1].takes = false
    client.read('one')
    others[0].read('two')
    client.read(' more')
    expect([endpoint.written, others[1].written]).toEqual(['one more', 'two'])
  })

  it('sends what had come before ahead of everything, and the FIN that had come behind it', () => {
    client.readEnded = true
    pipe.begin(Buffer.from('ahead'))
    expect(endpoint.written).toBe('ahead')
    expect(endpoint.calls).toEqual(['resume', 'shutdown'])
    expect(pipe.bytesIn).toBe(5)
  })

  it('sends a FIN when what is ahead of it is taken, so that it can still cut what is not', () => {
    client.readEnded = true
    endpoint.takes = false
    pipe.begin(Buffer.from('ahead'))
    expect(endpoint.calls).toEqual(['resume'])
    endpoint.drain()
    expect(endpoint.calls).toEqual(['resume', 'shutdown'])
    client.takes = false
    endpoint.read('answer')
    endpoint.end()
    pipe.onDeadline(client)
    expect([client.calls.at(-1), events.at(-1)]).toEqual(['reset', 'half_closed'])
  })

  it('does not read the client before what had come is taken', () => {
    endpoint.takes = false
    pipe.begin(Buffer.from('ahead'))
    expect(client.calls).toEqual(['pause'])
    endpoint.drain()
    expect(client.calls).toEqual(['pause', 'resume'])
  })

  it('is over when both sides have ended and have what was for them', () => {
    pipe.begin(null)
    endpoint.end()
    expect([client.calls.at(-1), events]).toEqual(['shutdown', []])
    endpoint.takes = false
    client.read('still')
    client.end()
    expect(events).toEqual(['asked'])
    endpoint.drain()
    expect(events).toEqual(['asked', 'whole'])
    expect([client.calls.at(-1), endpoint.calls.at(-1)]).toEqual(['finish', 'finish'])
  })

  it('takes the end of somebody whose RST a write has met for what it is', () => {
    pipe.begin(null)
    endpoint.writeEnded = true
    endpoint.end()
    expect(events).toEqual(['endpoint_broken ECONNRESET'])
    expect(client.calls.at(-1)).toBe('reset')
  })

  it('does so although the other side has ended since', () => {
    pipe.begin(null)
    endpoint.writeEnded = true
    client.end()
    endpoint.end()
    expect(events).toEqual(['endpoint_broken ECONNRESET'])
    expect(client.calls.at(-1)).toBe('reset')
  })

  it('does so although that write was still waiting when the other side ended', () => {
    pipe.begin(null)
    endpoint.takes = false
    client.read('a')
    client.end()
    endpoint.pendingWrites = 0
    endpoint.writeEnded = true
    endpoint.end()
    expect(events).toEqual(['asked', 'endpoint_broken ECONNRESET'])
  })

  it('finds out that somebody has gone who is not read', () => {
    pipe.begin(null)
    endpoint.takes = false
    client.read('a')
    client.connected = false
    pipe.onDeadline(endpoint)
    expect(events).toEqual(['asked', 'settled', 'client_broken ECONNRESET'])
    expect(endpoint.calls.at(-1)).toBe('reset')
  })

  it('finds out that somebody has gone who has ended its side before', () => {
    pipe.begin(null)
    client.end()
    pipe.onDeadline(endpoint)
    expect(events).toEqual(['settled'])
    client.connected = false
    pipe.onDeadline(endpoint)
    expect(events).toEqual(['settled', 'client_broken ECONNRESET'])
    expect(endpoint.calls.at(-1)).toBe('reset')
  })

  it.each([
    ['idle', 'finish'],
    ['half_closed', 'finish'],
  ])('that is %s is closed by FIN', (end, call) => {
    pipe.begin(null)
    if (end === 'half_closed') client.end()
    pipe.onDeadline(client)
    expect(events).toEqual([end])
    expect(endpoint.calls.at(-1)).toBe(call)
  })

  it('that is idle with something under way is cut', () => {
    pipe.begin(null)
    endpoint.takes = false
    client.read('a')
    pipe.onDeadline(client)
    expect(events).toEqual(['asked', 'idle'])
    expect([client.calls.at(-1), endpoint.calls.at(-1)]).toEqual(['reset', 'reset'])
  })

  it('is not idle while some of what waits is taken', () => {
    pipe.begin(null)
    endpoint.progresses = true
    pipe.onDeadline(client)
    expect(events).toEqual([])
  })

  it('closes quietly behind a client that has closed without the end that TLS has', () => {
    pipe.begin(null)
    client.owner.onClose(client, 'ERR_SSL_UNEXPECTED_EOF')
    expect(endpoint.calls.at(-1)).toBe('finish')
    expect(events).toEqual(['client_broken ERR_SSL_UNEXPECTED_EOF'])
  })

  it('cuts both sides when an endpoint does that', () => {
    pipe.begin(null)
    endpoint.owner.onClose(endpoint, 'ERR_SSL_UNEXPECTED_EOF')
    expect(client.calls.at(-1)).toBe('reset')
  })

  it('ends once, whatever follows', () => {
    pipe.begin(null)
    pipe.abort()
    pipe.abort()
    client.owner.onClose(client, 'ECONNRESET')
    expect(events).toEqual(['aborted'])
  })
})
