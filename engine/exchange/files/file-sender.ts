/**
 * Sends a part of a file as fast as the client takes it, through one buffer. A file that gets shorter, or is written anew
 * meanwhile, is an error before its last byte is out: nobody gets parts of two versions as one.
 */
import type { ResponseWriter } from '../downstream.ts'
import type { ErrorCode } from '../errors.ts'
import type { OpenFile } from './open-file.ts'

/** What one read brings at most: the memory that a download takes. */
const READ_BYTES = 64 * 1024

export interface FileSenderOwner {
  /** Runs what nobody else looks after: an exception costs the client's connection, and nothing else. */
  guard(run: () => void): void
  /** The first bytes are there: whatever goes before them is to be written now. */
  onBeginning(): void
  /** All of it has been written. */
  onSent(): void
  /** `detail` is the system's name for it, or empty. */
  onFileError(code: ErrorCode, detail: string): void
}

export class FileSender {
  readonly #file: OpenFile
  readonly #response: ResponseWriter
  readonly #owner: FileSenderOwner
  readonly #buffer: Buffer
  #position: number
  #left: number
  #hasBegun = false
  /** The client takes what it has. */
  #isWaiting = false

  /** The sender closes the file. `length` is at least 1. */
  constructor(file: OpenFile, start: number, length: number, response: ResponseWriter, owner: FileSenderOwner) {
    this.#file = file
    this.#position = start
    this.#left = length
    this.#response = response
    this.#owner = owner
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, length))
  }

  /** Begins to read, or goes on. */
  read(): void {
    const length = Math.min(this.#buffer.length, this.#left)
    this.#file.read(this.#buffer, length, this.#position, this.#onRead)
  }

  readonly #onRead = (count: number, error: NodeJS.ErrnoException | null): void => {
    this.#owner.guard(() => this.#haveRead(count, error))
  }

  #haveRead(count: number, error: NodeJS.ErrnoException | null): void {
    this.#position += count
    this.#left -= count
    if (error !== null) {
      this.#owner.onFileError('file_unreadable', error.code ?? '')
    } else if (count === 0 || (this.#left === 0 && this.#file.hasChanged())) {
      this.#owner.onFileError('file_changed', '')
    } else {
      this.#send(count)
    }
  }

  #send(count: number): void {
    if (!this.#hasBegun) this.#owner.onBeginning()
    this.#hasBegun = true
    const isTaken = this.#response.sendBytes(this.#buffer, 0, count)
    if (this.#left === 0) this.#owner.onSent()
    else if (isTaken) this.read()
    else this.#isWaiting = true
  }

  /** The client has taken what it had. */
  resume(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.read()
  }

  close(): void {
    this.#isWaiting = false
    this.#file.close()
  }
}
