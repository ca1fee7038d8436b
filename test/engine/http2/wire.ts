/** Frames and field blocks written out by hand: valid and not, with nothing of the writers that are tested. */
import type { FieldSink, HpackDecoder } from '../../../engine/http2/hpack-decoder.ts'

/** Bytes in hexadecimal digits; blanks between them are for the reader. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits.replace(/\s/g, ''), 'hex')
}

export function latin(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** A frame, whose length is that of its payload unless told otherwise. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
  length: number = payload.length,
): Buffer {
  const header = Buffer.alloc(9)
  header.writeUIntBE(length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId >>> 0, 5)
  return Buffer.concat([header, payload])
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** An integer of HPACK (RFC 7541, section 5.1), with the bits before its prefix in `first`. */
export function integer(first: number, prefixBits: number, value: number): Buffer {
  const full = 2 ** prefixBits - 1
  if (value < full) return Buffer.from([first | value])
  const bytes = [first | full]
  let rest = value - full
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

function plain(text: string): Buffer {
  const bytes = latin(text)
  return Buffer.concat([integer(0, 7, bytes.length), bytes])
}

export type Line = readonly [name: string, value: string]

/** A literal that enters no table, its strings in octets as Latin-1. */
export function literal([name, value]: Line): Buffer {
  return Buffer.concat([Buffer.from([0x00]), plain(name), plain(value)])
}

/** A literal that enters the dynamic table. */
export function indexing([name, value]: Line): Buffer {
  return Buffer.concat([Buffer.from([0x40]), plain(name), plain(value)])
}

export function indexed(index: number): Buffer {
  return integer(0x80, 7, index)
}

/** A field block of literals. */
export function block(lines: readonly Line[]): Buffer {
  return Buffer.concat(lines.map(literal))
}

/** Writes down the lines that it is given. */
export class LineList implements FieldSink {
  readonly lines: [string, string][] = []

  onField(bytes: Buffer, start: number, nameLength: number, valueLength: number): void {
    const valueStart = start + nameLength + 2
    const line = bytes.latin1Slice(start, valueStart + valueLength + 2)
    const name = line.slice(0, nameLength)
    const value = line.slice(nameLength + 2, nameLength + 2 + valueLength)
    if (line !== `${name}: ${value}\r\n`) throw new Error(`not a line: ${JSON.stringify(line)}`)
    this.lines.push([name, value])
  }

  onMove(): void {}
}

/** The lines of a block, or the error of the connection that it is. */
export function decode(hpack: HpackDecoder, bytes: Buffer): number | [string, string][] {
  const list = new LineList()
  const error = hpack.decode(bytes, 0, bytes.length, list)
  return error === 0 ? list.lines : error
}
