/**
 * What a ClientHello asks for (RFC 8446, section 4.1.2), read before OpenSSL sees it: which name, which application protocols. It
 * may come in several records, and in any pieces.
 */
const RECORD_HEADER_BYTES = 5
const HANDSHAKE_RECORD = 22
const CLIENT_HELLO = 1
const HANDSHAKE_HEADER_BYTES = 4
const SERVER_NAME = 0
const ALPN = 16
const HOST_NAME = 0

export interface ClientHello {
  /** In lower case; empty where none is named. */
  readonly serverName: string
  readonly alpn: readonly string[]
}

/** `null` as long as it is not whole; what is no ClientHello asks for nothing. */
export function readClientHello(bytes: Buffer): ClientHello | null {
  const message = handshakeMessage(bytes)
  if (message === null) return null
  try {
    return readExtensions(message)
  } catch (error) {
    // Its lengths do not fit: OpenSSL will say so.
    if (error instanceof RangeError) return NOTHING
    throw error
  }
}

const NOTHING: ClientHello = { serverName: '', alpn: [] }

/**
 * The first message of the records so far; empty where they carry something else. It may be looked at again after each byte, in
 * records of one byte: nothing is put together before all of it is there.
 */
function handshakeMessage(bytes: Buffer): Buffer | null {
  let header = 0
  let headerBytes = 0
  let length = 0
  for (let at = 0; ; ) {
    if (at < bytes.length && bytes[at] !== HANDSHAKE_RECORD) return Buffer.alloc(0)
    if (at + RECORD_HEADER_BYTES > bytes.length) return null
    const start = at + RECORD_HEADER_BYTES
    at = start + bytes.readUInt16BE(at + 3)
    if (at > bytes.length) return null
    for (let next = start; next < at && headerBytes < HANDSHAKE_HEADER_BYTES; next += 1) {
      header = header * 256 + (bytes[next] as number)
      headerBytes += 1
    }
    length += at - start
    if (headerBytes < HANDSHAKE_HEADER_BYTES) continue
    if (header >>> 24 !== CLIENT_HELLO) return Buffer.alloc(0)
    const whole = HANDSHAKE_HEADER_BYTES + (header & 0xffffff)
    if (length >= whole) return contentOf(bytes, at).subarray(0, whole)
  }
}

/** What the records up to `end` carry. */
function contentOf(bytes: Buffer, end: number): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < end; ) {
    const start = at + RECORD_HEADER_BYTES
    at = start + bytes.readUInt16BE(at + 3)
    pieces.push(bytes.subarray(start, at))
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
}

/** Version and random come first. */
const SESSION_ID_AT = HANDSHAKE_HEADER_BYTES + 2 + 32

function readExtensions(message: Buffer): ClientHello {
  const hello = new Cursor(message, SESSION_ID_AT)
  hello.vector(1)
  hello.vector(2)
  hello.vector(1)
  if (hello.ended) return NOTHING
  const extensions = new Cursor(hello.vector(2), 0)
  let serverName = ''
  let alpn: string[] = []
  while (!extensions.ended) {
    const type = extensions.number(2)
    const content = extensions.vector(2)
    if (type === SERVER_NAME) serverName = readServerName(content)
    else if (type === ALPN) alpn = readProtocols(content)
  }
  return { serverName, alpn }
}

function readServerName(content: Buffer): string {
  const names = new Cursor(new Cursor(content, 0).vector(2), 0)
  while (!names.ended) {
    const type = names.number(1)
    const name = names.vector(2)
    if (type === HOST_NAME) return name.toString('latin1').toLowerCase()
  }
  return ''
}

function readProtocols(content: Buffer): string[] {
  const list = new Cursor(new Cursor(content, 0).vector(2), 0)
  const protocols: string[] = []
  while (!list.ended) protocols.push(list.vector(1).toString('latin1'))
  return protocols
}
