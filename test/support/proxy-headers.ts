/** Headers of the PROXY protocol as senders of all kinds write them, good and bad: put together byte by byte. */
const START = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])

export const LOCAL = 0x20
export const PROXY = 0x21
export const TCP4 = 0x11
export const UDP4 = 0x12
export const TCP6 = 0x21
export const UNIX_STREAM = 0x31

export interface Version2 {
  readonly command?: number
  readonly family?: number
  readonly addresses?: Uint8Array
  readonly details?: readonly Uint8Array[]
  /** In place of what follows. */
  readonly length?: number
}

export function version2({ command = PROXY, family = TCP4, addresses, details = [], length }: Version2 = {}): Buffer {
  const rest = Buffer.concat([addresses ?? ends4('192.0.2.1', '192.0.2.2', 56_324, 443), ...details])
  const lengthBytes = Buffer.alloc(2)
  lengthBytes.writeUInt16BE(length ?? rest.length)
  return Buffer.concat([START, Buffer.from([command, family]), lengthBytes, rest])
}

export function ends4(source: string, destination: string, sourcePort: number, destinationPort: number): Buffer {
  const hosts = [source, destination].flatMap(host => host.split('.').map(Number))
  return Buffer.concat([Buffer.from(hosts), ports(sourcePort, destinationPort)])
}

/** The addresses as 16 bytes each. */
export function ends6(source: Buffer, destination: Buffer, sourcePort: number, destinationPort: number): Buffer {
  return Buffer.concat([source, destination, ports(sourcePort, destinationPort)])
}

function ports(source: number, destination: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16BE(source, 0)
  bytes.writeUInt16BE(destination, 2)
  return bytes
}

export function unixEnds(source: string, destination: string): Buffer {
  const bytes = Buffer.alloc(216)
  bytes.write(source, 0, 'latin1')
  bytes.write(destination, 108, 'latin1')
  return bytes
}

export function detail(type: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** The same header with its checksum, worked out bit by bit. */
export function withChecksum(options: Version2): Buffer {
  const header = version2({ ...options, details: [...(options.details ?? []), detail(3, Buffer.alloc(4))] })
  header.writeUInt32BE(castagnoli(header), header.length - 4)
  return header
}

function castagnoli(bytes: Buffer): number {
  let remainder = 0xffffffff
  for (const byte of bytes) {
    remainder ^= byte
    for (let bit = 0; bit < 8; bit += 1) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1
  }
  return ~remainder >>> 0
}
