import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { Connection } from '../../../engine/net/connection.ts'
import type { ClientSession } from '../../../engine/upstream/client-session.ts'
import { Http2ClientConnection } from '../../../engine/upstream/http2-client-connection.ts'
import type { Http2ClientStream } from '../../../engine/upstream/http2-client-stream.ts'
import type { Http2Pool } from '../../../engine/upstream/http2-pool.ts'
import type { RequestFate, ResponseReceiver, SessionError } from '../../../engine/upstream/response-receiver.ts'
import { deliver, mutedHandle } from '../../../perf/micro/net/muted-handle.ts'
import {
  dataFrame,
  frame,
  goawayFrame,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  resetFrame,
  responseFields,
  SETTINGS,
  settingsFrame,
  windowFrame,
} from '../../support/http2-peer.ts'
import { Crew, endpointNamed } from './crew.ts'

/** Whatever frames an origin sends, and whatever its clients do meanwhile: no exception, no stream or place that is left over. */

const CONNECTIONS_MAX = 3

// The test opens connections itself, at the time that it says.
const dial = vi.spyOn(Http2ClientConnection.prototype, 'dial').mockImplementation(() => {})
afterAll(() => dial.mockRestore())

const RUNS = 200

/** Holds what a session tells against the order in which it may. */
class Receiver implements ResponseReceiver {
  readonly told: string[] = []
  readonly isHead: boolean
  readonly wantsUpgrade = false
  readonly takesBulk = true
  readonly responseTimeoutMs = 30_000
  readonly idleMs = 60_000
  readonly replayBytesMax = 1_000
  requestStart = 0
  requestEnd = 0
  content = 0
  isOver = false
  #hasHead = false
  readonly #pauses: boolean

  constructor(isHead: boolean, pauses: boolean) {
    this.isHead = isHead
    this.#pauses = pauses
  }
  #tell(what: string, isLast = false): void {
    if (this.isOver) throw new Error(`${what} behind ${this.told.join(', ')}`)
    this.isOver = isLast
    this.told.push(what)
  }
  onConnected(): void {
    this.#tell('connected')
  }
  onInterim(): void {
    if (this.#hasHead) throw new Error('an interim response behind the final one')
    this.#tell('interim')
  }
  onResponseHead(): void {
    if (this.#hasHead) throw new Error('a second head')
    this.#hasHead = true
    this.#tell('head')
  }
  onResponseContent(session: ClientSession, start: number, end: number): void {
    if (!this.#hasHead || this.isOver) throw new Error('content of no response')
    this.content += end - start
    if (this.#pauses) session.pause()
  }
  onResponseFlush(): void {
    if (this.isOver) throw new Error('more of what is over')
  }
  onRequestDrain(): void {
    if (this.isOver) throw new Error('more of what is over is wanted')
  }
  onSwitch(): void {
    throw new Error('nobody asked for it')
  }
  onResponseEnd(): void {
    if (!this.#hasHead) throw new Error('an end without a head')
    this.#tell(`end ${this.content}`, true)
  }
  onSessionError(_session: ClientSession, error: SessionError, fate: RequestFate): void {
    this.#tell(`${error} ${fate}`, true)
  }
}

class Play {
  readonly crew = new Crew({ endpoints: [endpointNamed('a', { connectionsMax: CONNECTIONS_MAX })], protocol: 'h2c' })
  readonly pool = this.crew.endpoint('a').pool as Http2Pool
  readonly connections: Http2ClientConnection[] = []
  readonly transports: Connection[] = []
  readonly requests: { session: Http2ClientStream; receiver: Receiver; left: number }[] = []

  begin(bytes: number, isHead: boolean, pauses: boolean): void {
    const session = this.pool.acquire(false, null) as Http2ClientStream | null
    if (session === null) return
    if (!this.connections.includes(session.connection)) this.connections.push(session.connection)
    const receiver = new Receiver(isHead, pauses)
    session.prepare().text(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`)
    session.begin(receiver, 0, bytes > 0)
    session.flush()
    this.requests.push({ session, receiver, left: bytes })
  }

  connect(which: number): void {
    const connection = this.connections[which % Math.max(1, this.connections.length)]
    if (connection === undefined || connection.closed || connection.link !== null) return
    const transport = new Connection(this.pool.context, mutedHandle())
    this.transports.push(transport)
    connection.onConnect(transport)
    this.bring(this.transports.length - 1, [settingsFrame(), frame(SETTINGS, 1, 0)], 1_000_000)
  }

  bring(which: number, frames: readonly Buffer[], size: number): void {
    const transport = this.transports[which % Math.max(1, this.transports.length)]
    if (transport === undefined) return
    const bytes = Buffer.concat(frames)
    for (let at = 0; at < bytes.length && !transport.closed && !transport.writeEnded; at += size) {
      deliver(transport, bytes.subarray(at, at + size))
    }
  }

  act(does: string, which: number, count: number): void {
    const request = this.requests[which % Math.max(1, this.requests.length)]
    if (request === undefined || request.receiver.isOver) return
    const { session, receiver } = request
    const bytes = Math.min(count, request.left)
    if (does === 'content' && bytes > 0) {
      request.left -= bytes
      session.writeContent(0, bytes, null, false)
      if (request.left === 0) session.endContent(null, false)
      session.flush()
    } else if (does === 'resume') session.resume()
    else if (does === 'late') session.onDeadline()
    else if (does === 'cancel') {
      receiver.isOver = true
      session.cancel(receiver)
    }
  }

  /** Some were opened for requests that waited elsewhere in vain. */
  get #connectionsLeft(): Http2ClientConnection[] {
    const all = [...this.connections, ...this.requests.map(({ session }) => session.connection)]
    return all.filter(({ closed }) => !closed)
  }

  /** Nothing may be left. */
  end(): void {
    for (let left = this.#connectionsLeft; left.length > 0; left = this.#connectionsLeft) {
      for (const connection of left) {
        if (connection.link === null) connection.onConnectError('ECONNREFUSED')
        else connection.link.destroy()
      }
    }
    this.crew.upstream.close()
    expect(this.requests.map(({ receiver }) => receiver.isOver)).toEqual(this.requests.map(() => true))
    expect([this.pool.size, this.crew.upstream.endpoints[0]?.permits.isFull]).toEqual([0, false])
    expect(this.crew.page.rows[0]?.connections[0]).toBe(0)
  }
}

const stream = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 4 }).map(n => n * 2 + 1) }, fc.nat(12))
const status = fc.constantFrom(200, 200, 200, 103, 204, 304, 500)

/** Frames that a server may send, in an order that is no server's. */
const valid = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(stream, status, fc.boolean())
      .map(([id, code, end]) => headersFrame(id, responseFields(code), end)),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(stream, fc.nat(3000), fc.boolean())
      .map(([id, length, end]) => dataFrame(id, Buffer.alloc(length), end)),
  },
  fc
    .tuple(stream, fc.nat(5))
    .map(([id, length]) => headersFrame(id, responseFields(200, ['content-length', `${length}`]))),
  fc.tuple(stream, fc.nat(13)).map(([id, code]) => resetFrame(id, code)),
  fc.tuple(stream, fc.integer({ min: 1, max: 100_000 })).map(([id, increment]) => windowFrame(id, increment)),
  fc.nat(100_000).map(bytes => settingsFrame([INITIAL_WINDOW_SIZE, bytes])),
  fc.nat(4).map(streams => settingsFrame([MAX_CONCURRENT_STREAMS, streams])),
  fc.constant(frame(6, 0, 0, '12345678')),
  stream.map(id => headersFrame(id, [['x-trailer', 'yes']], true)),
  fc.nat(9).map(last => goawayFrame(last, 0)),
)

/** Frames that nobody may send. */
const any = fc
  .tuple(fc.nat(17), fc.nat(255), stream, fc.uint8Array({ maxLength: 40 }))
  .map(([type, flags, id, payload]) => frame(type, flags, id, Buffer.from(payload)))

const frames = fc.array(fc.oneof({ weight: 30, arbitrary: valid }, { weight: 1, arbitrary: any }), {
  minLength: 1,
  maxLength: 12,
})

const step = fc.record({
  does: fc.constantFrom(
    'begin',
    'begin',
    'connect',
    'connect',
    'bring',
    'bring',
    'bring',
    'content',
    'resume',
    'late',
    'cancel',
    'turn',
  ),
  which: fc.nat(20),
  count: fc.integer({ min: 1, max: 30_000 }),
  flag: fc.boolean(),
  frames,
})

describe('whatever an origin sends over HTTP/2', () => {
  it('ends every request once, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
        const play = new Play()
        for (const { does, which, count, flag, frames: some } of steps) {
          if (does === 'begin') play.begin(flag ? count : 0, which === 0, which % 3 === 0)
          else if (does === 'connect') play.connect(which)
          else if (does === 'bring') play.bring(which, some, flag ? 1_000_000 : (count % 50) + 1)
          else if (does === 'turn') await new Promise(resolve => setImmediate(resolve))
          else play.act(does, which, count)
        }
        await new Promise(resolve => setImmediate(resolve))
        play.end()
      }),
      { numRuns: RUNS },
    )
  })

  it('means the same however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(frames, frames, fc.integer({ min: 1, max: 40 }), async (first, second, size) => {
        const told = await Promise.all(
          [1_000_000, 1, size].map(async pieces => {
            const play = new Play()
            for (let count = 0; count < 4; count += 1) play.begin(count === 3 ? 10 : 0, count === 2, false)
            play.connect(0)
            play.bring(0, first, pieces)
            play.bring(0, second, pieces)
            const seen = play.requests.map(({ receiver }) => receiver.told.join())
            play.end()
            await new Promise(resolve => setImmediate(resolve))
            return seen
          }),
        )
        expect(told[1]).toEqual(told[0])
        expect(told[2]).toEqual(told[0])
      }),
      { numRuns: RUNS / 2 },
    )
  })
})
