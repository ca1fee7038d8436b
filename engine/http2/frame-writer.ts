/** Frames of HTTP/2, put behind what a buffer holds already. */
import type { ByteBuffer } from '../net/byte-buffer.ts'
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FRAME_HEADER_BYTES,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './protocol.ts'

/** @hotpath */
function putHeader(bytes: Buffer, at: number, length: number, type: number, flags: number, streamId: number): void {
  bytes[at] = length >>> 16
  bytes[at + 1] = length >>> 8
  bytes[at + 2] = length
  bytes[at + 3] = type
  bytes[at + 4] = flags
  put32(bytes, at + 5, streamId)
}

function put32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Begins a frame; gives the position where its payload of `length` bytes goes. `out.bytes` may be others from here on. */
function openFrame(out: ByteBuffer, length: number, type: number, flags: number, streamId: number): number {
  out.reserve(FRAME_HEADER_BYTES + length)
  putHeader(out.bytes, out.length, length, type, flags, streamId)
  const at = out.length + FRAME_HEADER_BYTES
  out.length = at + length
  return at
}

/** The header of a DATA frame, to be followed by `length` bytes of content. @hotpath */
export function writeDataHeader(out: ByteBuffer, streamId: number, length: number, endStream: boolean): void {
  out.reserve(FRAME_HEADER_BYTES)
  putHeader(out.bytes, out.length, length, DATA, endStream ? END_STREAM : 0, streamId)
  out.length += FRAME_HEADER_BYTES
}

/** `rows` are identifiers and values, in turn. */
export function writeSettings(out: ByteBuffer, rows: readonly (readonly [id: number, value: number])[]): void {
  let at = openFrame(out, rows.length * 6, SETTINGS, 0, 0)
  for (const [id, value] of rows) {
    out.bytes[at] = id >>> 8
    out.bytes[at + 1] = id
    put32(out.bytes, at + 2, value)
    at += 6
  }
}

export function writeSettingsAck(out: ByteBuffer): void {
  openFrame(out, 0, SETTINGS, ACK, 0)
}

/** Eight bytes of `bytes` from `start` on. */
export function writePing(out: ByteBuffer, ack: boolean, bytes: Buffer, start: number): void {
  const at = openFrame(out, 8, PING, ack ? ACK : 0, 0)
  bytes.copy(out.bytes, at, start, start + 8)
}

/** `debug` is for people to read; its characters are ASCII. */
export function writeGoaway(out: ByteBuffer, lastStreamId: number, code: number, debug: string): void {
  const at = openFrame(out, 8 + debug.length, GOAWAY, 0, 0)
  put32(out.bytes, at, lastStreamId)
  put32(out.bytes, at + 4, code)
  out.bytes.latin1Write(debug, at + 8)
}

export function writeRstStream(out: ByteBuffer, streamId: number, code: number): void {
  const at = openFrame(out, 4, RST_STREAM, 0, streamId)
  put32(out.bytes, at, code)
}

/** `streamId` 0 is the connection. @hotpath */
export function writeWindowUpdate(out: ByteBuffer, streamId: number, increment: number): void {
  const at = openFrame(out, 4, WINDOW_UPDATE, 0, streamId)
  put32(out.bytes, at, increment)
}

/**
 * Makes room for the header of a HEADERS frame: the field block is encoded right behind it, and `endHeaders` told where
 * this was. @hotpath
 */
export function beginHeaders(out: ByteBuffer): number {
  const at = out.length
  out.reserve(FRAME_HEADER_BYTES)
  out.length = at + FRAME_HEADER_BYTES
  return at
}

/**
 * The field block is whole: what lies behind `at`, up to the end. Where it is longer than `frameBytesMax`, which the peer's
 * SETTINGS say, it is cut into HEADERS and CONTINUATION. @hotpath
 */
export function endHeaders(
  out: ByteBuffer,
  at: number,
  streamId: number,
  endStream: boolean,
  frameBytesMax: number,
): void {
  const length = out.length - at - FRAME_HEADER_BYTES
  const flags = endStream ? END_STREAM : 0
  if (length <= frameBytesMax) putHeader(out.bytes, at, length, HEADERS, flags | END_HEADERS, streamId)
  else cutBlock(out, at, streamId, flags, frameBytesMax)
}

/** Moves the pieces apart, the last one first, and puts a header before each. */
function cutBlock(out: ByteBuffer, at: number, streamId: number, flags: number, frameBytesMax: number): void {
  const blockStart = at + FRAME_HEADER_BYTES
  const length = out.length - blockStart
  const last = Math.ceil(length / frameBytesMax) - 1
  out.reserve(last * FRAME_HEADER_BYTES)
  for (let piece = last; piece >= 0; piece -= 1) {
    const from = blockStart + piece * frameBytesMax
    const bytes = Math.min(frameBytesMax, length - piece * frameBytesMax)
    const to = from + piece * FRAME_HEADER_BYTES
    out.bytes.copyWithin(to, from, from + bytes)
    const type = piece === 0 ? HEADERS : CONTINUATION
    const own = (piece === 0 ? flags : 0) | (piece === last ? END_HEADERS : 0)
    putHeader(out.bytes, to - FRAME_HEADER_BYTES, bytes, type, own, streamId)
  }
  out.length += last * FRAME_HEADER_BYTES
}
