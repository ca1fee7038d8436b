/** What a reader of frames tells, written down; content that came in pieces is joined again. */
import { type FrameEvents, type FrameLimits, FrameReader } from '../../../engine/http2/frame-reader.ts'
import { PREFACE } from '../../../engine/http2/protocol.ts'
import { frame } from './wire.ts'

export const FRAME_LIMITS: FrameLimits = { frameBytesMax: 16_384, blockBytesMax: 40_000 }

export const SETTINGS_FRAME: Buffer = frame(4, 0, 0)

/** An event: its name, and what it was told. Bytes are in hexadecimal digits. */
export type Told = readonly [event: string, ...what: (number | string | boolean)[]]

export class ToldEvents implements FrameEvents {
  readonly told: Told[] = []
  /** The bytes that are read: where content lies. */
  bytes: Buffer = Buffer.alloc(0)
  #open: { streamId: number; content: string; flowBytes: number } | null = null

  #closeData(endStream: boolean): void {
    const open = this.#open
    this.#open = null
    if (open !== null) this.told.push(['data', open.streamId, open.content, open.flowBytes, endStream])
  }

  #tell(...told: Told): void {
    this.#closeData(false)
    this.told.push(told)
  }

  onData(streamId: number, start: number, end: number, flowBytes: number, endStream: boolean): void {
    const content = this.bytes.toString('hex', start, end)
    // A frame's first call tells its bytes; one without any has no second.
    if (flowBytes > 0 || this.#open === null || (start === end && !endStream)) {
      this.#closeData(false)
      this.#open = { streamId, content, flowBytes }
    } else {
      this.#open.content += content
    }
    if (endStream) this.#closeData(true)
  }

  onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean, priority: boolean): void {
    this.#tell('headers', streamId, bytes.toString('hex', start, end), endStream, priority)
  }

  onPriority(streamId: number): void {
    this.#tell('priority', streamId)
  }

  onRstStream(streamId: number, code: number): void {
    this.#tell('rst', streamId, code)
  }

  onSettings(ack: boolean, bytes: Buffer, start: number, end: number): void {
    this.#tell('settings', ack, bytes.toString('hex', start, end))
  }

  onPing(ack: boolean, bytes: Buffer, start: number): void {
    this.#tell('ping', ack, bytes.toString('hex', start, start + 8))
  }

  onGoaway(lastStreamId: number, code: number, debug: string): void {
    this.#tell('goaway', lastStreamId, code, debug)
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.#tell('window', streamId, increment)
  }

  onPriorityUpdate(streamId: number, priority: number): void {
    this.#tell('update', streamId, priority)
  }

  onUnknown(type: number): void {
    this.#tell('unknown', type)
  }

  onStreamError(streamId: number, code: number): void {
    this.#tell('error', streamId, code)
  }

  finish(): readonly Told[] {
    this.#closeData(false)
    return this.told
  }
}

/** Who sends the frames, and whether its preface has come: `client` and `server` begin with all that they must. */
export type Sender = 'client' | 'server' | 'bare client' | 'bare server'

/** Feeds bytes in pieces of these lengths, over and over; each piece lies somewhere else. Gives what was told, and the error. */
export function readFrames(
  bytes: Buffer,
  sender: Sender = 'client',
  pieces: readonly number[] = [bytes.length + 100],
): { told: readonly Told[]; error: number } {
  const events = new ToldEvents()
  const fromClient = sender.endsWith('client')
  const reader = new FrameReader(events, FRAME_LIMITS, fromClient)
  const first = Buffer.concat([fromClient ? PREFACE : Buffer.alloc(0), SETTINGS_FRAME])
  const all = sender.startsWith('bare') ? bytes : Buffer.concat([first, bytes])
  let error = 0
  let turn = 0
  for (let at = 0; at < all.length && error === 0; turn += 1) {
    const length = Math.max(1, pieces[turn % pieces.length] ?? 1)
    const room = Buffer.alloc(length + 20, 0xdd)
    const offset = turn % 7
    const end = offset + all.copy(room, offset, at, Math.min(all.length, at + length))
    events.bytes = room
    error = reader.read(room, offset, end)
    at += length
    // What lay there is overwritten by the next read.
    if (error === 0) room.fill(0xee)
  }
  const told = events.finish()
  return { told: sender.startsWith('bare') ? told : told.slice(1), error }
}
