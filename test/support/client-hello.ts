/** ClientHellos made by hand (RFC 8446, section 4.1.2): what no library would send, too. */

/** Type and content of an extension. */
export type Extension = readonly [type: number, content: Uint8Array]

export const SERVER_NAME = 0
export const ALPN = 16
export const ENCRYPTED_CLIENT_HELLO = 0xfe0d

/** A vector behind its length, which takes so many bytes. */
export function vector(size: number, content: Uint8Array): Buffer {
  const length = Buffer.alloc(size)
  length.writeUIntBE(content.length, 0, size)
  return Buffer.concat([length, content])
}

/** RFC 6066, section 3. */
export function serverName(name: string): Extension {
  return [SERVER_NAME, vector(2, Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name, 'latin1'))]))]
}

/** RFC 7301, section 3.1. */
export function alpn(...protocols: readonly string[]): Extension {
  return [ALPN, vector(2, Buffer.concat(protocols.map(protocol => vector(1, Buffer.from(protocol, 'latin1')))))]
}

/** Nothing, under one of the types that are kept free for that (RFC 8701): `0x0a0a`, `0x1a1a`, ... */
export function grease(index: number, content: Uint8Array = Buffer.alloc(0)): Extension {
  return [((index << 4) | 0x0a) * 0x101, content]
}

/** The outer one's: what it hides looks like anything (RFC 9849, section 5). */
export function encryptedHello(bytes: number): Extension {
  const content = Buffer.concat([
    Buffer.from([0, 0, 1, 0, 1, 7]),
    vector(2, Buffer.alloc(32, 5)),
    vector(2, Buffer.alloc(bytes, 9)),
  ])
  return [ENCRYPTED_CLIENT_HELLO, content]
}

export interface HelloOptions {
  /** Minor version of each record; 1 for TLS 1.0, as most send it. */
  readonly recordVersion?: number
  /** Bytes of the message in each record; absent: all. */
  readonly recordBytes?: number
}

/** The message alone. */
export function helloMessage(extensions: readonly Extension[]): Buffer {
  const list = extensions.map(([type, content]) =>
    Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, content)]),
  )
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 0x5a),
    vector(1, Buffer.alloc(32, 7)),
    vector(2, Buffer.from([0x1a, 0x1a, 0x13, 1, 0x13, 2, 0xc0, 0x2b])),
    vector(1, Buffer.from([0])),
    vector(2, Buffer.concat(list)),
  ])
  return Buffer.concat([Buffer.from([1]), vector(3, body)])
}

export function inRecords(
  message: Buffer,
  { recordVersion = 1, recordBytes = message.length }: HelloOptions = {},
): Buffer {
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += recordBytes) {
    records.push(Buffer.from([22, 3, recordVersion]), vector(2, message.subarray(at, at + recordBytes)))
  }
  return Buffer.concat(records)
}

export function clientHello(extensions: readonly Extension[], options: HelloOptions = {}): Buffer {
  return inRecords(helloMessage(extensions), options)
}
