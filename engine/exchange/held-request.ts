/**
 * A request, as far as it has come, while no session has it: it waits for room, or for another try. Its content is framed
 * already, as on its way to the endpoint.
 */
import { addChunk, lastChunk } from '../http1/chunk.ts'
import { memory } from '../http1/llhttp.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import type { ClientSession } from '../upstream/client-session.ts'
import type { Attempt } from './attempt.ts'

/** Past it the client is not read. */
const HELD_BYTES_MAX = 64 * 1024
const HELD_BYTES_START = 2048

export class HeldRequest {
  readonly bytes: ByteBuffer

  constructor(bytes: number = HELD_BYTES_START) {
    this.bytes = new ByteBuffer(bytes)
  }

  /** The request of an attempt whose session still has all of it. */
  static of(attempt: Attempt): HeldRequest {
    const held = new HeldRequest(Math.max(HELD_BYTES_START, attempt.requestEnd - attempt.requestStart))
    attempt.session.copyRequest(attempt, held.bytes)
    return held
  }

  /** Adds content that has come meanwhile. False when that is enough for now. */
  addContent(start: number, end: number, chunked: boolean): boolean {
    if (chunked) addChunk(this.bytes, memory, start, end)
    else this.bytes.copy(memory, start, end)
    return this.bytes.length <= HELD_BYTES_MAX
  }

  end(trailers: readonly string[] | null, chunked: boolean): void {
    if (chunked) this.bytes.text(lastChunk(trailers))
  }

  /**
   * Puts the request into a session, with another `Host` where one is given: in the line that we wrote right behind the
   * request line. Gives where it begins there, for `ClientSession.begin`.
   */
  moveTo(session: ClientSession, host: string | null): number {
    const out = session.prepare()
    const start = out.length
    const { bytes, length } = this.bytes
    if (host === null) {
      out.copy(bytes, 0, length)
      return start
    }
    const request = bytes.subarray(0, length)
    const hostAt = request.indexOf('\r\n') + 2
    out.copy(request, 0, hostAt)
    out.text(`Host: ${host}`)
    out.copy(request, request.indexOf('\r\n', hostAt), length)
    return start
  }
}
