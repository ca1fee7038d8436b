/** The numbers of HTTP/2 (RFC 9113), and of its extensions that are spoken here (RFC 8441, RFC 9218). */

/** What a client sends first (RFC 9113, section 3.4). */
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

export const FRAME_HEADER_BYTES = 9

/** Frame types (RFC 9113, section 6; RFC 9218, section 7.1). */
export const DATA = 0x0
export const HEADERS = 0x1
export const PRIORITY = 0x2
export const RST_STREAM = 0x3
export const SETTINGS = 0x4
export const PUSH_PROMISE = 0x5
export const PING = 0x6
export const GOAWAY = 0x7
export const WINDOW_UPDATE = 0x8
export const CONTINUATION = 0x9
export const PRIORITY_UPDATE = 0x10

/** Flags. The same bit means END_STREAM where a frame ends a stream, and ACK where it answers another. */
export const END_STREAM = 0x1
export const ACK = 0x1
export const END_HEADERS = 0x4
export const PADDED = 0x8
export const PRIORITY_GIVEN = 0x20

/** Error codes (RFC 9113, section 7). */
export const NO_ERROR = 0x0
export const PROTOCOL_ERROR = 0x1
export const INTERNAL_ERROR = 0x2
export const FLOW_CONTROL_ERROR = 0x3
export const SETTINGS_TIMEOUT = 0x4
export const STREAM_CLOSED = 0x5
export const FRAME_SIZE_ERROR = 0x6
export const REFUSED_STREAM = 0x7
export const CANCEL = 0x8
export const COMPRESSION_ERROR = 0x9
export const CONNECT_ERROR = 0xa
export const ENHANCE_YOUR_CALM = 0xb
export const INADEQUATE_SECURITY = 0xc
export const HTTP_1_1_REQUIRED = 0xd

const ERROR_NAMES: readonly string[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
]

/** For logs; a code of nobody's is told as its number. */
export function errorName(code: number): string {
  return ERROR_NAMES[code] ?? `0x${code.toString(16)}`
}

/** Stream identifiers and windows have 31 bits. */
export const STREAM_ID_MAX = 0x7fffffff
export const WINDOW_MAX = 0x7fffffff

/** What both sides hold before any SETTINGS (RFC 9113, sections 6.5.2 and 6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535
export const DEFAULT_FRAME_BYTES = 16_384
export const DEFAULT_TABLE_BYTES = 4096

/** Reads 31 bits: the reserved bit before them is ignored (RFC 9113, sections 4.1 and 6.9). */
export function read31(bytes: Uint8Array, at: number): number {
  return read32(bytes, at) & 0x7fffffff
}

/** Reads 32 bits as a number that is not negative. */
export function read32(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  const second = bytes[at + 1] as number
  const third = bytes[at + 2] as number
  const fourth = bytes[at + 3] as number
  return ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0
}
