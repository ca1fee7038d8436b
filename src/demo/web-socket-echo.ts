import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * The server's side of a WebSocket that sends every message back (RFC 6455): enough for a demonstration. No extensions,
 * no subprotocols; messages up to 1 MiB, longer ones close with 1009.
 */

const MESSAGE_BYTES_MAX = 1024 * 1024
/** RFC 6455 section 1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const OPCODE = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const
const CLOSE = { normal: 1000, protocolError: 1002, notUtf8: 1007, tooBig: 1009 } as const

/** Answers an `Upgrade` request. `head` is what came after the request's head already. */
export function echoWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer, fieldLines: string): void {
  const key = request.headers['sec-websocket-key']
  const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket'
  socket.on('error', () => socket.destroy())
  if (request.method !== 'GET' || !isWebSocket || key === undefined || Buffer.from(key, 'base64').length !== 16) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  if (request.headers['sec-websocket-version'] !== '13') {
    const fields = 'Sec-WebSocket-Version: 13\r\nConnection: close\r\nContent-Length: 0'
    socket.end(`HTTP/1.1 426 Upgrade Required\r\n${fields}\r\n\r\n`)
    return
  }
  const accept = createHash('sha1').update(`${key}${ACCEPT_GUID}`).digest('base64')
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${fieldLines}`
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`)

  const echo = new Echo(socket)
  socket.on('data', chunk => echo.receive(chunk))
  socket.on('end', () => socket.end())
  if (head.length > 0) echo.receive(head)
}

interface Frame {
  readonly isFinal: boolean
  readonly opcode: number
  readonly payload: Buffer
  /** Bytes of the whole frame. */
  readonly length: number
}

class Echo {
  readonly #socket: Duplex
  #received: Buffer = Buffer.alloc(0)
  /** Opcode of the message whose fragments are being gathered; -1 where none is. */
  #opcode = -1
  #fragments: Buffer[] = []
  #fragmentBytes = 0
  #isClosed = false

  constructor(socket: Duplex) {
    this.#socket = socket
  }

  receive(chunk: Buffer): void {
    if (this.#isClosed) return
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    while (!this.#isClosed) {
      const frame = readFrame(this.#received)
      if (frame === null) return
      if (typeof frame === 'number') {
        this.#close(frame)
        return
      }
      this.#received = this.#received.subarray(frame.length)
      this.#onFrame(frame)
    }
  }

  #onFrame({ isFinal, opcode, payload }: Frame): void {
    switch (opcode) {
      case OPCODE.ping:
        this.#send(OPCODE.pong, payload)
        return
      case OPCODE.pong:
        return
      case OPCODE.close:
        this.#onClose(payload)
        return
      default:
        this.#onFragment(isFinal, opcode, payload)
    }
  }

  #onFragment(isFinal: boolean, opcode: number, payload: Buffer): void {
    const isFirst = this.#opcode === -1
    if (isFirst === (opcode === OPCODE.continuation)) {
      this.#close(CLOSE.protocolError)
      return
    }
    if (isFirst) this.#opcode = opcode
    this.#fragmentBytes += payload.length
    if (this.#fragmentBytes > MESSAGE_BYTES_MAX) {
      this.#close(CLOSE.tooBig)
      return
    }
    this.#fragments.push(payload)
    if (isFinal) this.#onMessage()
  }

  #onMessage(): void {
    const message = Buffer.concat(this.#fragments)
    const opcode = this.#opcode
    this.#opcode = -1
    this.#fragments = []
    this.#fragmentBytes = 0
    if (opcode === OPCODE.text && !isUtf8(message)) this.#close(CLOSE.notUtf8)
    else this.#send(opcode, message)
  }

  /** A close without a code is answered without one; any other with its own code (section 5.5.1). */
  #onClose(payload: Buffer): void {
    this.#isClosed = true
    this.#send(OPCODE.close, payload.subarray(0, payload.length < 2 ? 0 : 2))
    this.#socket.end()
  }

  #close(code: number): void {
    this.#isClosed = true
    const payload = Buffer.alloc(2)
    payload.writeUInt16BE(code)
    this.#send(OPCODE.close, payload)
    this.#socket.end()
  }

  /** A client that sends and does not read is not read further: nothing piles up here. */
  #send(opcode: number, payload: Buffer): void {
    if (this.#socket.write(Buffer.concat([frameHead(opcode, payload.length), payload]))) return
    this.#socket.pause()
    this.#socket.once('drain', () => this.#socket.resume())
  }
}

/** One frame from the front of `bytes`: `null` if it is not whole yet, a close code if it must not be (section 5.2). */
function readFrame(bytes: Buffer): Frame | number | null {
  if (bytes.length < 2) return null
  const first = bytes[0]!
  const second = bytes[1]!
  const opcode = first & 0x0f
  const isFinal = (first & 0x80) !== 0
  const isControl = opcode >= 0x8
  const shortLength = second & 0x7f
  const isKnown = isControl ? opcode <= OPCODE.pong : opcode <= OPCODE.binary
  // Reserved bits, an unknown opcode, a client's frame without a mask, a control frame that is long or in fragments.
  if ((first & 0x70) !== 0 || !isKnown || (second & 0x80) === 0) return CLOSE.protocolError
  if (isControl && (!isFinal || shortLength > 125)) return CLOSE.protocolError

  const lengthBytes = shortLength === 126 ? 2 : shortLength === 127 ? 8 : 0
  const headLength = 2 + lengthBytes + 4
  if (bytes.length < headLength) return null
  let payloadLength = shortLength
  if (lengthBytes === 2) payloadLength = bytes.readUInt16BE(2)
  if (lengthBytes === 8) payloadLength = Number(bytes.readBigUInt64BE(2))
  if (payloadLength > MESSAGE_BYTES_MAX) return CLOSE.tooBig
  if (bytes.length < headLength + payloadLength) return null

  const mask = bytes.subarray(headLength - 4, headLength)
  const payload = Buffer.from(bytes.subarray(headLength, headLength + payloadLength))
  for (let index = 0; index < payload.length; index++) payload[index]! ^= mask[index & 3]!
  return { isFinal, opcode, payload, length: headLength + payloadLength }
}

/** A server's frames are final and not masked. */
function frameHead(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.of(0x80 | opcode, length)
  if (length < 65_536) {
    const head = Buffer.of(0x80 | opcode, 126, 0, 0)
    head.writeUInt16BE(length, 2)
    return head
  }
  const head = Buffer.of(0x80 | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0)
  head.writeBigUInt64BE(BigInt(length), 2)
  return head
}
