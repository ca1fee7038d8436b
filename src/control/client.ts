import { connect, type Socket } from 'node:net'
import { ControlError, formatRequest, LineReader, parseAnswer } from './wire.ts'

/** The other end of a control socket: what the commands ask a running instance with. */

/** Of an answer: a status has some hundred bytes for each endpoint. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024

/** The instance did not answer in time, or went away before it did. */
export class ControlSilenceError extends Error {
  override readonly name = 'ControlSilenceError'
}

/** Rejects with the system's error: `ENOENT` and `ECONNREFUSED` where nobody listens, `EACCES` where one may not ask. */
export function connectControl(path: string): Promise<ControlConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(new ControlConnection(socket))
    })
  })
}

const GONE = 'the instance has ended'

interface Pending {
  readonly resolve: (line: string) => void
  readonly reject: (error: Error) => void
}

export class ControlConnection {
  readonly #socket: Socket
  readonly #reader = new LineReader(ANSWER_BYTES_MAX)
  #pending: Pending | null = null
  #lastId = 0
  /** Resolves when the instance has closed the connection, which it does at its end. */
  readonly closed: Promise<void>

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    // What there is to say about it is said by the end that follows.
    socket.on('error', () => socket.destroy())
    this.closed = new Promise(resolve => {
      socket.once('close', () => {
        this.#settle()?.reject(new ControlSilenceError(GONE))
        resolve()
      })
    })
  }

  /**
   * Asks, and waits for the answer. One call at a time.
   *
   * @throws {ControlError} for an answer that is an error.
   * @throws {ControlSilenceError} for none within `timeoutMs`.
   */
  async call(method: string, params: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#socket.destroyed) throw new ControlSilenceError(GONE)
    const answered = new Promise<string>((resolve, reject) => {
      this.#pending = { resolve, reject }
    })
    const timer = setTimeout(() => {
      this.#settle()?.reject(new ControlSilenceError(`no answer within ${timeoutMs / 1000} s`))
      this.close()
    }, timeoutMs)
    this.#socket.write(formatRequest(++this.#lastId, method, params))
    try {
      return parseAnswer(await answered)
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    const lines = this.#reader.push(chunk)
    if (lines === null) {
      this.#settle()?.reject(new ControlError('too_long', 'the answer is too long'))
      this.close()
      return
    }
    const [line] = lines
    if (line !== undefined) this.#settle()?.resolve(line)
  }

  #settle(): Pending | null {
    const pending = this.#pending
    this.#pending = null
    return pending
  }
}
