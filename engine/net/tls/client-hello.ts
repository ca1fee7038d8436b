/**
 * What a ClientHello asks for (RFC 8446, section 4.1.2), read before OpenSSL sees it, or passed on unopened: which name, which
 * application protocols. It may come in several records, and in any pieces. With an encrypted one within (ECH), the outer one counts.
 */

/** Bytes of a ClientHello with the headers of its records. Past it: it asks for nothing. */
export const CLIENT_HELLO_BYTES_MAX = 16 * 1024

const RECORD_HEADER_BYTES = 5
const HANDSHAKE_RECORD = 22
/** Of SSL 3.0 and all versions of TLS: the rest of the record's version says nothing (RFC 8446, section 5.1). */
const MAJOR_VERSION = 3
/** Content of a record that is not encrypted (RFC 8446, section 5.1). */
const RECORD_BYTES_MAX = 16 * 1024
const CLIENT_HELLO = 1
const HANDSHAKE_HEADER_BYTES = 4
const SERVER_NAME = 0
const ALPN = 16
const HOST_NAME = 0
/** RFC 1035, section 3.1. */
const NAME_BYTES_MAX = 255

export interface ClientHello {
  /** In lower case; empty where none is named, or what is named cannot be the name of a host. */
  readonly serverName: string
  readonly alpn: readonly string[]
}

/** Of what cannot be read, or is no ClientHello. */
export const ASKS_FOR_NOTHING: ClientHello = { serverName: '', alpn: [] }

/** Whether a ClientHello begins there; `null` as long as that is open. What SSL 2.0 began with is none. */
export function beginsClientHello(bytes: Buffer): boolean | null {
  if (bytes.length >= 1 && bytes[0] !== HANDSHAKE_RECORD) return false
  if (bytes.length >= 2 && bytes[1] !== MAJOR_VERSION) return false
  if (bytes.length < RECORD_HEADER_BYTES) return null
  if (!fitsRecord(bytes.readUInt16BE(3))) return false
  if (bytes.length === RECORD_HEADER_BYTES) return null
  return bytes[RECORD_HEADER_BYTES] === CLIENT_HELLO
}

function fitsRecord(length: number): boolean {
  return length > 0 && length <= RECORD_BYTES_MAX
}

/** How far its records were looked through: whoever sends them byte by byte does not have all of them looked at each time. */
export class HelloProgress {
  /** Where the first record begins that is not whole. */
  at = 0
  /** Content of those before it. */
  length = 0
  /** The header of the message, as far as it has come. */
  header = 0
  headerBytes = 0
}

/**
 * `null` as long as it is not whole; what is no ClientHello, or a broken one, asks for nothing. `progress` is that of the last call, with
 * fewer bytes.
 */
export function readClientHello(bytes: Buffer, progress: HelloProgress = new HelloProgress()): ClientHello | null {
  // Whatever comes with the same read does not make the bound a wider one.
  const bounded = bytes.subarray(0, CLIENT_HELLO_BYTES_MAX)
  const message = handshakeMessage(bounded, progress)
  if (message === null) return bytes.length < CLIENT_HELLO_BYTES_MAX ? null : ASKS_FOR_NOTHING
  if (message.length === 0) return ASKS_FOR_NOTHING
  try {
    return readExtensions(message)
  } catch (error) {
    // Its lengths do not fit: whoever ends the handshake will say so.
    if (error instanceof RangeError) return ASKS_FOR_NOTHING
    throw error
  }
}

const NONE = Buffer.alloc(0)

/**
 * The first message of the records so far; empty where they carry something else, or it will be too long. It may be looked at again
 * after each byte, in records of one byte: nothing is put together before all of it is there.
 */
function handshakeMessage(bytes: Buffer, progress: HelloProgress): Buffer | null {
  let { at, length, header, headerBytes } = progress
  for (;;) {
    if (at < bytes.length && bytes[at] !== HANDSHAKE_RECORD) return NONE
    if (at + RECORD_HEADER_BYTES > bytes.length) return null
    const start = at + RECORD_HEADER_BYTES
    at = start + bytes.readUInt16BE(at + 3)
    const end = Math.min(at, bytes.length)
    if (!fitsRecord(at - start)) return NONE
    for (let next = start; next < end && headerBytes < HANDSHAKE_HEADER_BYTES; next += 1) {
      header = header * 256 + (bytes[next] as number)
      headerBytes += 1
    }
    length += end - start
    if (headerBytes > 0 && header >>> (8 * (headerBytes - 1)) !== CLIENT_HELLO) return NONE
    if (headerBytes === HANDSHAKE_HEADER_BYTES) {
      const whole = HANDSHAKE_HEADER_BYTES + (header & 0xffffff)
      if (RECORD_HEADER_BYTES + whole > CLIENT_HELLO_BYTES_MAX) return NONE
      if (length >= whole) return contentOf(bytes, end).subarray(0, whole)
    }
    if (at > bytes.length) return null
    Object.assign(progress, { at, length, header, headerBytes })
  }
}

/** What the records up to `end` carry; the last one may go on. */
function contentOf(bytes: Buffer, end: number): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < end; ) {
    const start = at + RECORD_HEADER_BYTES
    at = start + bytes.readUInt16BE(at + 3)
    pieces.push(bytes.subarray(start, Math.min(at, end)))
  }
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
}

/** Reads on in a buffer; past its end: `RangeError`. */
class Cursor {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes
    this.at = at
  }

  number(size: 1 | 2): number {
    const value = this.bytes.readUIntBE(this.at, size)
    this.at += size
    return value
  }

  /** A vector behind its length, which takes `size` bytes. */
  vector(size: 1 | 2): Buffer {
    const length = this.number(size)
    if (this.at + length > this.bytes.length) throw new RangeError('the vector is longer than what it stands in')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  get ended(): boolean {
    return this.at >= this.bytes.length
  }

  /** Nothing stands behind what was read. */
  end(): void {
    if (!this.ended) throw new RangeError('there is more than was announced')
  }
}

/** Version and random come first. */
const SESSION_ID_AT = HANDSHAKE_HEADER_BYTES + 2 + 32

function readExtensions(message: Buffer): ClientHello {
  const hello = new Cursor(message, SESSION_ID_AT)
  hello.vector(1)
  hello.vector(2)
  hello.vector(1)
  if (hello.ended) return ASKS_FOR_NOTHING
  const extensions = new Cursor(hello.vector(2), 0)
  hello.end()
  let serverName: string | null = null
  let alpn: readonly string[] | null = null
  while (!extensions.ended) {
    const type = extensions.number(2)
    const content = extensions.vector(2)
    // One of each kind (RFC 8446, section 4.2): of two, others might go by the one that we do not.
    if (type === SERVER_NAME) serverName = once(serverName, readServerName(content))
    else if (type === ALPN) alpn = once(alpn, readProtocols(content))
  }
  return { serverName: serverName ?? '', alpn: alpn ?? [] }
}

function once<Value>(before: Value | null, value: Value): Value {
  if (before !== null) throw new RangeError('the extension is there twice')
  return value
}

/** One name of a host, and nothing else: no other kind was ever defined (RFC 6066, section 3). */
function readServerName(content: Buffer): string {
  const outer = new Cursor(content, 0)
  const names = new Cursor(outer.vector(2), 0)
  outer.end()
  const type = names.number(1)
  const name = names.vector(2)
  names.end()
  return type === HOST_NAME && isName(name) ? name.toString('latin1').toLowerCase() : ''
}

/** Printable, in ASCII, without spaces. */
function isName(name: Buffer): boolean {
  return name.length <= NAME_BYTES_MAX && name.every(byte => byte > 0x20 && byte < 0x7f)
}

function readProtocols(content: Buffer): string[] {
  const outer = new Cursor(content, 0)
  const list = new Cursor(outer.vector(2), 0)
  outer.end()
  const protocols: string[] = []
  while (!list.ended) {
    const protocol = list.vector(1)
    if (protocol.length === 0) throw new RangeError('a protocol has no name')
    protocols.push(protocol.toString('latin1'))
  }
  return protocols
}
