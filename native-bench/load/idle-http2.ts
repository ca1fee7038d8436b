/** Connections of HTTP/2, in plain text, that have made one request and stay open; by bytes, so that they cost little here. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Opened at once: few enough for any queue of connections to accept. */
const BATCH = 100

/** For one request, in ms. */
const TIMEOUT_MS = 20_000

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

export class IdleHttp2Connections {
  readonly #sockets: Socket[] = []
  #closedCount = 0

  /** Resolves when all of them are open and have had their answer; rejects where one has not. */
  async hold(port: number, count: number): Promise<void> {
    this.#closedCount = 0
    for (let opened = 0; opened < count; opened += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, count - opened) }, () => this.#open(port))
      await Promise.all(batch)
    }
    if (this.#closedCount > 0) throw new Error(`${this.#closedCount} of ${count} connections did not stay open`)
  }

  async release(): Promise<void> {
    const open = this.#sockets.splice(0).filter(socket => !socket.closed)
    const closed = Promise.all(open.map(socket => once(socket, 'close')))
    for (const socket of open) socket.destroy()
    await closed
  }

  #open(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      this.#sockets.push(socket)
      let unread: Buffer = Buffer.alloc(0)
      let hasHead = false
      socket.setTimeout(TIMEOUT_MS, () => reject(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)))
      socket.on('error', reject)
      socket.once('close', () => {
        this.#closedCount += 1
        reject(new Error('a connection was closed before its answer'))
      })
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
          if (type === HEADERS) {
            if (!hasHead && !payload.includes(STATUS_200)) reject(new Error('another status than 200'))
            hasHead = true
          }
          if (type <= HEADERS && (flags & END_STREAM) !== 0) {
            socket.setTimeout(0)
            resolve()
          }
        }
      })
      socket.write(OPENING)
    })
  }
}
