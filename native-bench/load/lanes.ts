/** The kinds of work, and the connections that they go over. */
import { connect, type Socket } from 'node:net'
import { type Message, MessageReader, statusOf } from '../frame/http-message.ts'
import { GET, renderRequest } from '../frame/http-request.ts'
import { FrameReader, newMask, renderFrame, TEXT } from '../frame/websocket-frame.ts'
import { DatagramLane } from './datagram-lane.ts'
import { Lane, type LaneOwner } from './lane.ts'
import type { LoadPlan, Work } from './plan.ts'

/** Lanes of one process read into one buffer: whoever reads has taken what it needs when it returns. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024)

export function newLane({ port, work }: LoadPlan, owner: LaneOwner): Lane {
  if (work.kind === 'websocket') return new WebSocketLane(owner, port, work.payloadBytes)
  if (work.kind === 'datagram') return new DatagramLane(owner, port, work.payloadBytes)
  return work.closes ? new ClosingLane(owner, port, work) : new KeepAliveLane(owner, port, work)
}

type HttpWork = Extract<Work, { kind: 'http' }>

class KeepAliveLane extends Lane {
  readonly #bytes: Buffer
  readonly #port: number
  readonly #reader: MessageReader
  #socket: Socket | null = null

  constructor(owner: LaneOwner, port: number, work: HttpWork) {
    super(owner)
    this.#port = port
    this.#bytes = renderRequest(work.request, port)
    this.#reader = new MessageReader(message => {
      if (!isRight(message, work, owner)) return
      owner.done(this)
      owner.ready(this)
    })
  }

  open(): void {
    this.#socket = openSocket(this.#port, this.owner, bytes => this.#reader.read(bytes))
    this.#socket.once('connect', () => this.owner.ready(this))
    this.#socket.once('close', () => this.owner.failed('a connection was closed that was to stay open'))
  }

  send(): void {
    this.#socket?.write(this.#bytes)
  }

  close(): void {
    this.#socket?.removeAllListeners('close').destroy()
  }
}

/** A new connection for each request; ready again when the other side has closed it. */
class ClosingLane extends Lane {
  readonly #bytes: Buffer
  readonly #port: number
  readonly #work: HttpWork
  #socket: Socket | null = null

  constructor(owner: LaneOwner, port: number, work: HttpWork) {
    super(owner)
    this.#port = port
    this.#work = work
    this.#bytes = renderRequest(work.request, port)
  }

  open(): void {
    this.owner.ready(this)
  }

  send(): void {
    let isDone = false
    const reader = new MessageReader(message => {
      if (!isRight(message, this.#work, this.owner)) return
      isDone = true
      this.owner.done(this)
    })
    this.#socket = openSocket(this.#port, this.owner, bytes => reader.read(bytes))
    this.#socket.write(this.#bytes)
    this.#socket.once('close', () => {
      if (isDone) this.owner.ready(this)
      else this.owner.failed('a connection was closed before the end of the answer')
    })
  }

  close(): void {
    this.#socket?.removeAllListeners('close').destroy()
  }
}

class WebSocketLane extends Lane {
  readonly #port: number
  readonly #payload: Buffer
  readonly #frame: Buffer
  readonly #frames: FrameReader
  #socket: Socket | null = null
  #isUpgraded = false

  constructor(owner: LaneOwner, port: number, payloadBytes: number) {
    super(owner)
    this.#port = port
    this.#payload = Buffer.alloc(payloadBytes, 'abcdefghij')
    this.#frame = renderFrame(TEXT, this.#payload, newMask())
    this.#frames = new FrameReader((opcode, payload) => {
      if (opcode !== TEXT || !payload.equals(this.#payload)) {
        owner.failed('an echo is not what was sent')
        return
      }
      owner.done(this)
      owner.ready(this)
    })
  }

  open(): void {
    const handshake = new MessageReader(({ head }) => {
      if (statusOf(head) !== 101) return this.owner.failed(`status ${statusOf(head)} instead of 101`)
      this.#isUpgraded = true
      this.owner.ready(this)
    })
    this.#socket = openSocket(this.#port, this.owner, bytes =>
      this.#isUpgraded ? this.#frames.read(bytes) : handshake.read(bytes),
    )
    this.#socket.once('close', () => this.owner.failed('a connection was closed that was to stay open'))
    this.#socket.write(renderRequest({ ...GET, fields: UPGRADE_FIELDS }, this.#port))
  }

  send(): void {
    this.#socket?.write(this.#frame)
  }

  close(): void {
    this.#socket?.removeAllListeners('close').destroy()
  }
}

const UPGRADE_FIELDS = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

function openSocket(port: number, owner: LaneOwner, read: (bytes: Buffer) => void): Socket {
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: READ_BUFFER,
      callback: (count, buffer) => {
        try {
          read(Buffer.from(buffer.buffer, buffer.byteOffset, count))
        } catch (error) {
          owner.failed(error instanceof Error ? error.message : String(error))
        }
        return true
      },
    },
  })
  socket.on('error', error => owner.failed(error.message))
  return socket
}

function isRight({ head, contentBytes }: Message, { answerBytes }: HttpWork, owner: LaneOwner): boolean {
  const status = statusOf(head)
  if (status === 200 && contentBytes === answerBytes) return true
  if (status === 200) owner.failed(`${contentBytes} bytes of content instead of ${answerBytes}`)
  else owner.failed(`status ${status} instead of 200`)
  return false
}
