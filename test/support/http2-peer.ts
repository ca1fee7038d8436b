/**
 * A peer of HTTP/2 that writes and reads frames one by one, and may do what no implementation would. For both roles, on plain
 * sockets; of the codec under test it has nothing.
 */
import { connect, createServer, type Socket } from 'node:net'
import type { Address } from '../../engine/snapshot.ts'
import { Bell, within } from './bell.ts'
import { type Bytes, toBuffer } from './bytes.ts'
import { encodeFields, type Fields, FieldsReader } from './http2-fields.ts'
import { connectOptions, type Listening, listenOn } from './listen.ts'
import { write } from './send-split.ts'

export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PUSH_PROMISE = 5
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9
export const PRIORITY_UPDATE = 16

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4
export const PADDED = 8
export const PRIORITY_FLAG = 32

/** Rows of SETTINGS (RFC 9113, section 6.5.2; RFC 8441, section 3; RFC 9218, section 2.1). */
export const HEADER_TABLE_SIZE = 1
export const ENABLE_PUSH = 2
export const MAX_CONCURRENT_STREAMS = 3
export const INITIAL_WINDOW_SIZE = 4
export const MAX_FRAME_SIZE = 5
export const MAX_HEADER_LIST_SIZE = 6
export const ENABLE_CONNECT_PROTOCOL = 8
export const NO_RFC7540_PRIORITIES = 9

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

const FRAME_NAMES =
  'DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION'.split(' ')

const DEADLINE_MS = 5_000

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** Any frame, however wrong. */
export function frame(type: number, flags: number, stream: number, payload: Bytes = ''): Buffer {
  const bytes = toBuffer(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(bytes.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, bytes])
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4)
  return bytes
}

/** `[identifier, value]` rows. */
export function settingsFrame(...rows: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(rows.length * 6)
  for (const [index, [identifier, value]] of rows.entries()) {
    payload.writeUInt16BE(identifier, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  }
  return frame(SETTINGS, 0, 0, payload)
}

export function headersFrame(stream: number, fields: Fields, endStream = false): Buffer {
  return frame(HEADERS, END_HEADERS | (endStream ? END_STREAM : 0), stream, encodeFields(fields))
}

export function dataFrame(stream: number, content: Bytes, endStream = false): Buffer {
  return frame(DATA, endStream ? END_STREAM : 0, stream, content)
}

export function resetFrame(stream: number, code: number): Buffer {
  return frame(RST_STREAM, 0, stream, uint32(code))
}

export function goawayFrame(lastStream: number, code: number, debug: Bytes = ''): Buffer {
  return frame(GOAWAY, 0, 0, Buffer.concat([uint32(lastStream, code), toBuffer(debug)]))
}

export function windowFrame(stream: number, increment: number): Buffer {
  return frame(WINDOW_UPDATE, 0, stream, uint32(increment))
}

/** The fields of a request, for `headersFrame`. */
export function requestFields(method: string, path: string, ...more: Fields): Fields {
  return [[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'example.com'], ...more]
}

export function responseFields(status: number, ...more: Fields): Fields {
  return [[':status', `${status}`], ...more]
}

/** A field section as it came. */
export interface Section {
  readonly stream: number
  readonly fields: Fields
  readonly endStream: boolean
  /** The value of a field; `undefined` where there is none. */
  get(name: string): string | undefined
}

/** All of one direction of a stream. */
export interface Message {
  readonly stream: number
  readonly interim: readonly Section[]
  readonly head: Section
  readonly content: Buffer
  readonly trailers: Section | null
}

export interface PeerOptions {
  /** Acknowledges SETTINGS and PING by itself, and gives windows back as content comes. Default. */
  readonly automatic?: boolean
  /** The SETTINGS that it begins with; `null` for no beginning at all: neither preface nor SETTINGS. */
  readonly settings?: readonly (readonly [number, number])[] | null
  readonly headerTableBytes?: number
}

/** One end of a connection. */
export class Http2Peer implements Disposable {
  readonly socket: Socket
  /** How the other side has ended the connection. */
  readonly closed: Promise<'fin' | 'reset'>
  open = true
  /** Frames that no `next` has taken, in order. */
  readonly unread: Frame[] = []
  /** All frames that have come. */
  readonly received: Frame[] = []
  /** What each SETTINGS of the other side has said last. */
  readonly settings = new Map<number, number>()
  /** Gives windows back as content comes, unless it does nothing by itself. */
  givesWindows = true
  readonly #bell = new Bell()
  readonly #automatic: boolean
  readonly #reader: FieldsReader
  #rest: Buffer = Buffer.alloc(0)
  #prefaceLeft: number
  #block: Buffer[] = []
  /** Sections by the HEADERS frame that began them: the table of HPACK wants them read in order. */
  readonly #sections = new Map<Frame, Section>()
  #opening: Frame | null = null

  constructor(socket: Socket, role: 'client' | 'server', options: PeerOptions) {
    this.socket = socket
    this.#automatic = options.automatic ?? true
    this.#reader = new FieldsReader(options.headerTableBytes ?? 4096)
    this.#prefaceLeft = role === 'server' ? PREFACE.length : 0
    socket.on('error', () => {})
    socket.on('data', bytes => this.#take(bytes as Buffer))
    this.closed = new Promise(resolve => {
      socket.on('end', () => resolve('fin'))
      socket.on('close', () => resolve('reset'))
    })
    const ended = () => {
      this.open = false
      this.#bell.ring()
    }
    socket.on('end', ended)
    socket.on('close', ended)
    const { settings = [] } = options
    if (settings !== null) void this.send(...(role === 'client' ? [PREFACE] : []), settingsFrame(...settings))
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    if (this.#prefaceLeft > 0) {
      if (this.#rest.length < this.#prefaceLeft) return
      if (!this.#rest.subarray(0, PREFACE.length).equals(PREFACE)) {
        this.socket.destroy()
        return
      }
      this.#rest = this.#rest.subarray(this.#prefaceLeft)
      this.#prefaceLeft = 0
    }
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3)
      if (this.#rest.length < 9 + length) break
      const [, , , type = 0, flags = 0] = this.#rest
      const payload = Buffer.from(this.#rest.subarray(9, 9 + length))
      this.#came({ type, flags, stream: this.#rest.readUInt32BE(5) & 0x7fffffff, payload })
      this.#rest = this.#rest.subarray(9 + length)
    }
    this.#bell.ring()
  }

  #came(arrived: Frame): void {
    this.received.push(arrived)
    this.unread.push(arrived)
    const { type, flags, stream, payload } = arrived
    if (type === HEADERS || type === CONTINUATION) this.#readBlock(arrived)
    const isAck = (flags & ACK) !== 0
    if (type === SETTINGS && !isAck) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        this.settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
      }
    }
    if (!this.#automatic) return
    if (type === SETTINGS && !isAck) void this.send(frame(SETTINGS, ACK, 0))
    if (type === PING && !isAck) void this.send(frame(PING, ACK, 0, payload))
    if (type !== DATA || payload.length === 0 || !this.givesWindows) return
    void this.send(windowFrame(0, payload.length))
    if ((flags & END_STREAM) === 0) void this.send(windowFrame(stream, payload.length))
  }

  #readBlock(part: Frame): void {
    if (part.type === HEADERS) {
      this.#opening = part
      const padding = (part.flags & PADDED) !== 0 ? (part.payload[0] as number) : 0
      const start = ((part.flags & PADDED) !== 0 ? 1 : 0) + ((part.flags & PRIORITY_FLAG) !== 0 ? 5 : 0)
      this.#block = [part.payload.subarray(start, part.payload.length - padding)]
    } else {
      this.#block.push(part.payload)
    }
    if ((part.flags & END_HEADERS) === 0 || this.#opening === null) return
    const fields = this.#reader.read(Buffer.concat(this.#block))
    const endStream = (this.#opening.flags & END_STREAM) !== 0
    const get = (name: string) => fields.find(([other]) => other === name)?.[1]
    this.#sections.set(this.#opening, { stream: part.stream, fields, endStream, get })
  }

  /** Resolves when the kernel has taken the bytes. */
  send(...parts: Bytes[]): Promise<void> {
    return write(this.socket, Buffer.concat(parts.map(toBuffer)))
  }

  /** The next frame that `wanted` takes; those before it stay unread. Rejects when the connection ends first. */
  next(wanted: (arrived: Frame) => boolean = () => true, what = 'a frame', deadlineMs = DEADLINE_MS): Promise<Frame> {
    const take = async () => {
      for (;;) {
        const at = this.unread.findIndex(wanted)
        if (at >= 0) return this.unread.splice(at, 1)[0] as Frame
        if (!this.open) throw new Error(`${what}: the connection ended after ${this.#describe()}`)
        await this.#bell.wait()
      }
    }
    return within(take(), deadlineMs, () => `${what}; so far ${this.#describe()}`)
  }

  /** Resolves when a frame has come that `wanted` takes, whether or not somebody has taken it. */
  seen(wanted: (arrived: Frame) => boolean, what = 'a frame'): Promise<void> {
    const wait = async () => {
      while (!this.received.some(wanted)) await this.#bell.wait()
    }
    return within(wait(), DEADLINE_MS, () => `${what}; so far ${this.#describe()}`)
  }

  #describe(): string {
    const all = this.received.map(({ type, flags, stream, payload }) => {
      return `${FRAME_NAMES[type] ?? type}(${stream}, flags ${flags}, ${payload.length} bytes)`
    })
    return all.slice(-20).join(' ')
  }

  /** The next frame of a type, on a stream where one is given. */
  expect(type: number, stream?: number): Promise<Frame> {
    const isIt = (arrived: Frame) => arrived.type === type && (stream === undefined || arrived.stream === stream)
    return this.next(isIt, `${FRAME_NAMES[type] ?? type} ${stream ?? ''}`)
  }

  /** The next whole field section, on a stream where one is given. */
  async section(stream?: number): Promise<Section> {
    const isIt = (arrived: Frame) => this.#sections.has(arrived) && (stream === undefined || arrived.stream === stream)
    return this.#sections.get(await this.next(isIt, `a field section ${stream ?? ''}`)) as Section
  }

  /** The next whole message: on a stream where one is given, else on the one whose section comes next. */
  async message(stream?: number): Promise<Message> {
    const interim: Section[] = []
    let head = await this.section(stream)
    while (/^1\d\d$/.test(head.get(':status') ?? '')) {
      interim.push(head)
      head = await this.section(head.stream)
    }
    const parts: Buffer[] = []
    let trailers: Section | null = null
    let ended = head.endStream
    while (!ended) {
      const ofStream = (arrived: Frame) =>
        arrived.stream === head.stream &&
        (arrived.type === DATA || this.#sections.has(arrived) || arrived.type === RST_STREAM)
      const part = await this.next(ofStream, `the rest of stream ${head.stream}`)
      if (part.type === RST_STREAM)
        throw new Error(`stream ${head.stream} was reset with ${part.payload.readUInt32BE(0)}`)
      if (part.type === DATA) parts.push(part.payload)
      else trailers = this.#sections.get(part) as Section
      ended = (part.flags & END_STREAM) !== 0
    }
    return { stream: head.stream, interim, head, content: Buffer.concat(parts), trailers }
  }

  /** The code of the next RST_STREAM of a stream. */
  async resetOf(stream: number): Promise<number> {
    return (await this.expect(RST_STREAM, stream)).payload.readUInt32BE(0)
  }

  /** The next GOAWAY. */
  async goaway(): Promise<{ lastStream: number; code: number; debug: string }> {
    const { payload } = await this.expect(GOAWAY)
    const debug = payload.toString('latin1', 8)
    return { lastStream: payload.readUInt32BE(0), code: payload.readUInt32BE(4), debug }
  }

  /** Resolves when the other side has read and answered all that was sent before. */
  async settled(): Promise<void> {
    const mark = Buffer.from(`mark${String(this.received.length).padStart(4, '0')}`, 'latin1')
    await this.send(frame(PING, 0, 0, mark))
    await this.next(
      ({ type, flags, payload }) => type === PING && flags === ACK && payload.equals(mark),
      'the answer to PING',
    )
  }

  /** Sends FIN; what comes is still read. */
  end(): void {
    this.socket.end()
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  close(): void {
    this.socket.destroy()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Connects as a client with prior knowledge; rejects when that fails. `using` closes the connection. */
export function http2Client(address: Address | number, options: PeerOptions = {}): Promise<Http2Peer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...connectOptions(address), noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(new Http2Peer(socket, 'client', options))
    })
  })
}

export type Http2Script = (peer: Http2Peer, index: number) => Promise<unknown> | unknown

export interface Http2Origin extends Listening {
  readonly peers: readonly Http2Peer[]
  /** Resolves with the connection of that number, once it is there. */
  peer(index: number): Promise<Http2Peer>
  /** Takes off the errors of scripts, but for those that come of connections that have ended. */
  takeFailures(): Error[]
}

/** An origin that plays a script on every connection; one that fails cuts its connection. A function is asked for each. */
export async function http2Origin(
  script: Http2Script,
  options: PeerOptions | (() => PeerOptions) = {},
): Promise<Http2Origin> {
  const peers: Http2Peer[] = []
  const failures: Error[] = []
  const bell = new Bell()
  const server = createServer({ noDelay: true, allowHalfOpen: true }, socket => {
    const peer = new Http2Peer(socket, 'server', typeof options === 'function' ? options() : options)
    peers.push(peer)
    bell.ring()
    const play = async () => {
      try {
        await script(peer, peers.length - 1)
      } catch (error) {
        if (peer.open) failures.push(error as Error)
        socket.destroy()
      }
    }
    const played = play()
    void peer.closed.then(() => played).then(() => socket.end())
  })
  const listening = await listenOn(server)
  const peer = (index: number) => {
    const take = async () => {
      while (peers[index] === undefined) await bell.wait()
      return peers[index] as Http2Peer
    }
    return within(take(), DEADLINE_MS, () => `connection ${index}`)
  }
  return { ...listening, peers, peer, takeFailures: () => failures.splice(0) }
}

/** Answers every request with 200 and its path, or with what `answer` sends for it. */
export function answering(answer?: (peer: Http2Peer, request: Message) => Promise<unknown> | unknown): Http2Script {
  return async peer => {
    for (;;) {
      const request = await peer.message()
      if (answer !== undefined) await answer(peer, request)
      else
        await peer.send(
          headersFrame(request.stream, responseFields(200)),
          dataFrame(request.stream, request.head.get(':path') ?? '', true),
        )
    }
  }
}
