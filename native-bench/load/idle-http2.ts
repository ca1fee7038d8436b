/** Connections of HTTP/2, in plain text, that have made one request and stay open; by bytes, so that they cost little here. */
import type { Socket } from 'node:net'
import { HeldConnections, type Outcome } from './held-connections.ts'

const FRAME_HEADER_BYTES = 9
const HEADERS = 1
const SETTINGS = 4
const PING = 6
const ACK = 1
const END_STREAM = 1

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  header.writeUIntBE(payload.length, 0, 3)
  header[3] = type
  header[4] = flags
  header.writeUInt32BE(streamId, 5)
  return Buffer.concat([header, payload])
}

/** `GET / HTTP/1.1` for `localhost` in the words of HPACK: three of the static table, and a literal that is not remembered. */
const FIELDS = Buffer.concat([Buffer.from([0x82, 0x86, 0x84, 0x01, 9]), Buffer.from('localhost')])
const END_HEADERS_AND_STREAM = 5

const OPENING = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(SETTINGS, 0, 0, Buffer.alloc(0)),
  frame(HEADERS, END_HEADERS_AND_STREAM, 1, FIELDS),
])
const SETTINGS_ACK = frame(SETTINGS, ACK, 0, Buffer.alloc(0))

/** `:status: 200` as an index into the static table. */
const STATUS_200 = 0x88

/** A table size update of HPACK, which may stand before the fields (RFC 7541, section 6.3): three bits say so. */
const UPDATE_MASK = 0xe0
const TABLE_UPDATE = 0x20
/** The size does not fit into the other five: more bytes follow, all but the last with their first bit set. */
const UPDATE_LONG = 0x3f

/** The first field is the status (RFC 9113, section 8.3.2). */
function isOk(block: Buffer): boolean {
  let at = 0
  while (((block[at] ?? 0) & UPDATE_MASK) === TABLE_UPDATE) {
    if (block[at] === UPDATE_LONG) {
      do at += 1
      while ((block[at] ?? 0) >= 0x80)
    }
    at += 1
  }
  return block[at] === STATUS_200
}

export class IdleHttp2Connections extends HeldConnections {
  protected ask(socket: Socket, _port: number, { answered, failed }: Outcome): void {
    let unread: Buffer = Buffer.alloc(0)
    let hasHead = false
    socket.on('data', (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes])
      for (;;) {
        const length = unread.length < FRAME_HEADER_BYTES ? 0 : unread.readUIntBE(0, 3)
        const end = FRAME_HEADER_BYTES + length
        if (unread.length < end) return
        const [type = 0, flags = 0] = unread.subarray(3, 5)
        const payload = unread.subarray(FRAME_HEADER_BYTES, end)
        unread = unread.subarray(end)
        if (type === SETTINGS && (flags & ACK) === 0) socket.write(SETTINGS_ACK)
        if (type === PING && (flags & ACK) === 0) socket.write(frame(PING, ACK, 0, payload))
        if (type === HEADERS && !hasHead) {
          if (!isOk(payload)) failed(new Error('another status than 200'))
          hasHead = true
        }
        if (type <= HEADERS && (flags & END_STREAM) !== 0) answered()
      }
    })
    socket.write(OPENING)
  }
}
