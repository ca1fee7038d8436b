/** A port of the load's own that datagrams go out from, one on its way at a time; each comes back as it is. */
import { createSocket, type Socket } from 'node:dgram'
import { Lane, type LaneOwner } from './lane.ts'

/**
 * For one answer, in ms. There are never more datagrams on their way than the smallest buffer of a socket holds, so that none is
 * lost but by the proxy.
 */
const ANSWER_TIMEOUT_MS = 1000

/** How often that is looked at, in ms. */
const LOOK_MS = 250

export class DatagramLane extends Lane {
  readonly #port: number
  /** Begins with a number of its own each time. */
  readonly #payload: Buffer
  #socket: Socket | null = null
  #sent = 0
  #isWaiting = false
  #sentAt = 0
  #timer: NodeJS.Timeout | null = null

  constructor(owner: LaneOwner, port: number, payloadBytes: number) {
    super(owner)
    this.#port = port
    this.#payload = Buffer.alloc(payloadBytes, 'abcdefghij')
  }

  open(): void {
    const socket = createSocket('udp4')
    this.#socket = socket
    socket.on('message', bytes => this.#answered(bytes))
    socket.on('error', error => this.owner.failed(error.message))
    socket.connect(this.#port, '127.0.0.1', () => this.owner.ready(this))
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  send(): void {
    this.#sent += 1
    this.#isWaiting = true
    this.#sentAt = performance.now()
    this.#payload.writeUInt32BE(this.#sent)
    this.#socket?.send(this.#payload)
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#socket?.close()
    this.#socket = null
  }

  #answered(bytes: Buffer): void {
    if (!this.#isWaiting || !bytes.equals(this.#payload)) {
      this.owner.failed('a datagram came that was not asked for')
      return
    }
    this.#isWaiting = false
    this.owner.done(this)
    this.owner.ready(this)
  }

  #look(): void {
    if (!this.#isWaiting || performance.now() - this.#sentAt < ANSWER_TIMEOUT_MS) return
    this.owner.failed(`no answer to a datagram in ${ANSWER_TIMEOUT_MS / 1000} s`)
  }
}
