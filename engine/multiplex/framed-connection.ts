/**
 * What a connection of HTTP/2 is without its streams: frames in and out, SETTINGS, PING, GOAWAY, deadlines.
 *
 *     running ──drain()──▶ announced ──PING answered, or too late──▶ ending ──last stream has ended──▶ ended
 *        │     (GOAWAY without a last stream: what is on its way is still taken)    (GOAWAY with the last one)
 *        └── an error, or the loss of the connection, from everywhere ──▶ ended
 */
import { type FrameEvents, FrameReader } from '../http2/frame-reader.ts'
import { writeGoaway, writePing, writeSettings, writeSettingsAck, writeWindowUpdate } from '../http2/frame-writer.ts'
import { HpackDecoder } from '../http2/hpack-decoder.ts'
import { HpackEncoder } from '../http2/hpack-encoder.ts'
import {
  DEFAULT_TABLE_BYTES,
  ENHANCE_YOUR_CALM,
  errorName,
  NO_ERROR,
  PREFACE,
  SETTINGS_TIMEOUT,
  STREAM_ID_MAX,
} from '../http2/protocol.ts'
import { PeerSettings } from '../http2/settings.ts'
import type { ByteBuffer } from '../net/byte-buffer.ts'
import type { Connection, ConnectionOwner } from '../net/connection.ts'
import { AbuseGuard } from './abuse-guard.ts'
import { ConnectionDeadlines, earlier } from './connection-deadlines.ts'
import { FrameOutput, type OutputOwner } from './frame-output.ts'
import { FRAME_BYTES_MAX, GOAWAY_ROUND_TRIP_MS } from './http2-limits.ts'
import { BY_FAULT, DISCONNECTED, type Http2Stream, type ResetCause, STALLED } from './http2-stream.ts'
import { HEAD_BYTES_FACTOR, type Http2Terms } from './http2-terms.ts'
import { ANNOUNCE, MEASURE, type PingPurpose, PROBE, pingBytes, purposeOf } from './pings.ts'
import { ReceiveWindow } from './receive-window.ts'

const RUNNING = 0
const ANNOUNCED = 1
const ENDING = 2
const ENDED = 3

/** Which phases each may come from, as bits. */
const PREDECESSORS: readonly number[] = [
  0,
  1 << RUNNING,
  1 << ANNOUNCED,
  (1 << RUNNING) | (1 << ANNOUNCED) | (1 << ENDING),
]

export abstract class FramedConnection implements ConnectionOwner, FrameEvents, OutputOwner {
  readonly connection: Connection
  readonly settings: Http2Terms
  readonly isServer: boolean
  readonly decoder: HpackDecoder
  readonly encoder: HpackEncoder
  /** What the peer's SETTINGS say. */
  readonly peer: PeerSettings
  readonly output: FrameOutput
  readonly guard: AbuseGuard
  /** The system's name for what broke the connection, or why we ended it; empty as long as it stands. */
  systemError = ''
  /** When the read, or the deadline, began that is dealt with, on the clock of `performance.now()`. */
  nowMs = 0
  /** GOAWAY has come. */
  peerIsLeaving = false
  protected readonly window: ReceiveWindow
  /** The last stream that the peer has opened. */
  protected lastPeerStream = 0
  /** An event came in this read. */
  protected isEventful = false
  readonly #reader: FrameReader
  readonly #deadlines = new ConnectionDeadlines()
  #phase = RUNNING
  /** What the one timer is set to; 0 where it is not. */
  #wakesAt = 0
  /** The peer's SETTINGS have come, and its acknowledgement of ours. */
  #isSettled = false
  #isAcknowledged = false

  constructor(connection: Connection, settings: Http2Terms, isServer: boolean) {
    const { frameBytesMax, headBytesMax, headerTableBytes } = settings
    const sectionBytesMax = headBytesMax * HEAD_BYTES_FACTOR
    this.connection = connection
    this.settings = settings
    this.isServer = isServer
    this.decoder = new HpackDecoder(sectionBytesMax, headerTableBytes)
    this.encoder = new HpackEncoder()
    this.peer = new PeerSettings(!isServer)
    this.output = new FrameOutput(this)
    this.guard = new AbuseGuard()
    this.window = new ReceiveWindow(settings, !isServer)
    this.#reader = new FrameReader(this, { frameBytesMax, blockBytesMax: sectionBytesMax }, isServer)
  }

  /** Takes the connection over and says what we go by. */
  begin(): void {
    const { connection, settings } = this
    connection.owner = this
    const out = this.output.control()
    if (!this.isServer) out.copy(PREFACE, 0, PREFACE.length)
    writeSettings(out, this.ownSettings())
    const increment = this.window.giveFirst()
    if (increment > 0) writeWindowUpdate(this.output.control(), 0, increment)
    this.#deadlines.settingsAt = performance.now() + settings.headMs
    this.wakeAt(this.#deadlines.settingsAt)
    this.becameIdle()
    connection.resume()
  }

  /** The first bytes of the preface have been read by somebody else. */
  readPreface(bytes: number): void {
    this.#reader.read(PREFACE, 0, bytes)
  }

  // What streams are.

  /** Rows of our SETTINGS. */
  protected abstract ownSettings(): readonly (readonly [id: number, value: number])[]
  /** Streams that are not closed. */
  abstract get streamCount(): number
  /** Ends all of them. */
  protected abstract endStreams(code: number, cause: ResetCause): void
  /** Tells those for which the read has brought something that this is all. */
  protected abstract flushStreams(): void
  /** Passes the deadlines of streams; gives the next one, 0 for none. */
  protected abstract passStreamDeadlines(nowMs: number): number
  /** The peer has changed what windows of streams begin with. False when the connection has ended over it. */
  protected abstract resizeWindows(difference: number): boolean
  /** The end of a stream's message is in its frame. */
  abstract sentEnd(stream: Http2Stream): void
  abstract onData(streamId: number, start: number, end: number, flowBytes: number, endStream: boolean): void
  abstract onHeaders(streamId: number, bytes: Buffer, start: number, end: number, endStream: boolean): void
  abstract onRstStream(streamId: number, code: number): void
  abstract onGoaway(lastStreamId: number, code: number, debug: string): void
  abstract onWindowUpdate(streamId: number, increment: number): void
  abstract onPriorityUpdate(streamId: number, priority: number): void
  abstract onStreamError(streamId: number, code: number): void

  // What subclasses may want to know of.

  /** SETTINGS of the peer have come. */
  protected onPeerSettings(): void {}
  /** The peer goes by our SETTINGS from here on. */
  protected onOwnSettings(): void {}
  /** A PING of `ping` was answered. */
  protected onPong(): void {}
  /** There has been no stream for `idleMs`. */
  protected onIdle(): void {
    this.goAway(NO_ERROR, '')
  }
  /** All frames of a read were dealt with. */
  protected onReadDone(): void {}
  /** The connection is closed; its streams have been told. Called once. */
  protected onEnded(_error: string): void {}

  get closed(): boolean {
    return this.#phase === ENDED
  }

  /** It takes no new streams, or will soon take none. */
  get isLeaving(): boolean {
    return this.#phase !== RUNNING
  }

  /** It takes none, and the peer knows which was the last. */
  protected get isEnding(): boolean {
    return this.#phase === ENDING
  }

  /** The peer has acknowledged our SETTINGS: what it has sent before may go by what everybody begins with. */
  protected get isAcknowledged(): boolean {
    return this.#isAcknowledged
  }

  /** The peer's SETTINGS have come. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** An illegal move is a defect of ours, which costs the connection. */
  #setPhase(phase: number): void {
    if (((PREDECESSORS[phase] as number) & (1 << this.#phase)) === 0) {
      throw new Error(`a connection cannot go from phase ${this.#phase} to ${phase}`)
    }
    this.#phase = phase
  }

  // The end.

  /**
   * Takes no more streams from the peer than are on their way, and closes behind the last. Our own streams run to their end,
   * and no other is opened.
   */
  drain(): void {
    if (this.#phase !== RUNNING) return
    this.#setPhase(ANNOUNCED)
    if (!this.isServer) {
      this.#announceLast()
      return
    }
    writeGoaway(this.output.control(), STREAM_ID_MAX, NO_ERROR, '')
    this.#ping(ANNOUNCE)
    this.#deadlines.announceAt = performance.now() + GOAWAY_ROUND_TRIP_MS
    this.wakeAt(this.#deadlines.announceAt)
  }

  #announceLast(): void {
    this.#deadlines.announceAt = 0
    this.#setPhase(ENDING)
    writeGoaway(this.output.control(), this.lastPeerStream, NO_ERROR, '')
  }

  /** Ends the connection with GOAWAY; what its streams have under way is over. */
  goAway(code: number, debug: string): void {
    if (this.#phase === ENDED) return
    this.#setPhase(ENDED)
    this.#reader.stop()
    this.systemError = code === NO_ERROR ? '' : errorName(code)
    const isSaid = this.output.goAway(this.lastPeerStream, code, debug)
    this.endStreams(code, BY_FAULT)
    if (isSaid) this.connection.closeLingering()
    else this.connection.reset()
    this.#tellEnded()
  }

  /** The peer makes us work for nothing. */
  protected calm(why: string): void {
    this.goAway(ENHANCE_YOUR_CALM, why)
  }

  /** Ends it at once, without a word. */
  destroy(): void {
    if (this.#phase === ENDED) return
    this.connection.destroy()
    this.#lose('', DISCONNECTED)
  }

  /** The connection is gone. */
  #lose(error: string, cause: ResetCause): void {
    if (this.#phase === ENDED) return
    this.#setPhase(ENDED)
    this.#reader.stop()
    this.systemError = error
    this.endStreams(NO_ERROR, cause)
    this.#tellEnded()
  }

  #finish(): void {
    this.#setPhase(ENDED)
    this.#reader.stop()
    this.connection.closeLingering()
    this.#tellEnded()
  }

  #tellEnded(): void {
    this.output.close()
    this.onEnded(this.systemError)
  }

  /** A frame that brings nothing on has come. False when the connection has ended over it. @hotpath */
  protected idleFrame(): boolean {
    this.isEventful = true
    if (!this.guard.idleFrame()) this.calm('too many frames that bring nothing on')
    return this.#phase !== ENDED
  }

  /** More frames that answer than may wait are those of a peer that does not read them. */
  protected checkControl(): void {
    if (this.output.isFull) this.calm('answers are not read')
  }

  // What the connection tells.

  onRead(connection: Connection, start: number, end: number): void {
    this.nowMs = performance.now()
    this.isEventful = false
    const error = this.#reader.read(connection.context.slots.memory, start, end)
    if (error !== 0) this.goAway(error, '')
    this.flushStreams()
    this.checkControl()
    if (this.closed) return
    this.#watchPartial()
    this.onReadDone()
  }

  /** What has begun to come has to become whole in time; content has the deadlines of its streams. */
  #watchPartial(): void {
    const deadlines = this.#deadlines
    if (this.#reader.idle || this.#reader.isInContent) {
      deadlines.partialAt = 0
    } else if (this.isEventful || deadlines.partialAt === 0) {
      deadlines.partialAt = this.nowMs + this.settings.headMs
      this.wakeAt(deadlines.partialAt)
    }
  }

  /** What the peer still takes of ours is of no use: it can neither open windows nor reset streams any more. */
  onReadEnd(): void {
    this.destroy()
  }

  onDrain(): void {
    this.#deadlines.stallAt = 0
    this.output.drained()
  }

  onClose(_connection: Connection, error: string): void {
    this.#lose(error, DISCONNECTED)
  }

  onDeadline(): void {
    const nowMs = performance.now()
    this.nowMs = nowMs
    this.#wakesAt = 0
    this.#passDeadlines(nowMs)
    if (this.closed) return
    const next = this.passStreamDeadlines(nowMs)
    if (this.closed) return
    const at = earlier(this.#deadlines.next(), next)
    if (at !== 0) this.wakeAt(at)
  }

  #passDeadlines(nowMs: number): void {
    const deadlines = this.#deadlines
    const { settingsAt, idleAt, stallAt, partialAt, announceAt } = deadlines
    if (hasPassed(settingsAt, nowMs)) {
      this.goAway(SETTINGS_TIMEOUT, '')
    } else if (hasPassed(partialAt, nowMs)) {
      this.calm('a frame does not become whole')
    } else if (hasPassed(stallAt, nowMs)) {
      this.#onStall(nowMs)
    } else if (hasPassed(announceAt, nowMs)) {
      this.#announceLast()
    } else if (hasPassed(idleAt, nowMs)) {
      deadlines.idleAt = 0
      if (this.streamCount === 0) this.onIdle()
    }
  }

  /** The peer has not taken all of what waits: fine as long as it takes some of it in time. */
  #onStall(nowMs: number): void {
    this.#deadlines.stallAt = nowMs + this.settings.contentMs
    if (this.connection.hasProgressed()) return
    this.connection.reset()
    this.#lose('ETIMEDOUT', STALLED)
  }

  /** @internal The one timer is to look again then, at the latest. */
  wakeAt(at: number): void {
    if (this.#wakesAt !== 0 && this.#wakesAt <= at) return
    this.#wakesAt = at
    const nowMs = performance.now()
    this.connection.context.wheel.observe(nowMs)
    this.connection.setDeadline(Math.max(0, at - nowMs))
  }

  /** The last stream has closed, or none has been opened yet. */
  protected becameIdle(): void {
    if (this.#phase === ENDED) return
    // What is over is finished at the end of the turn, when everything has been written.
    if (this.#phase === ENDING || this.peerIsLeaving) this.output.schedule()
    const { idleMs } = this.settings
    if (idleMs === 0) return
    this.#deadlines.idleAt = performance.now() + idleMs
    this.wakeAt(this.#deadlines.idleAt)
  }

  /** There is a stream. @hotpath */
  protected isBusy(): void {
    this.#deadlines.idleAt = 0
  }

  // What the output tells.

  /** @internal True when the kernel has taken all of it. */
  writeFrames(out: ByteBuffer): boolean {
    return this.connection.write(out.bytes, 0, out.length, null)
  }

  /** @internal What could be written was. */
  flushed(): void {
    if (this.closed) return
    const deadlines = this.#deadlines
    if (!this.output.isBlocked) {
      deadlines.stallAt = 0
    } else if (deadlines.stallAt === 0) {
      deadlines.stallAt = performance.now() + this.settings.contentMs
      this.wakeAt(deadlines.stallAt)
    }
    const isOver = this.streamCount === 0 && (this.#phase === ENDING || this.peerIsLeaving)
    if (isOver && !this.output.hasWaiting) this.#finish()
  }

  // Frames that are not for streams.

  /** @internal */
  onSettings(ack: boolean, bytes: Buffer, start: number, end: number): void {
    if (!this.idleFrame()) return
    if (ack) this.#onAcknowledged()
    else if (!this.#takeSettings(bytes, start, end)) return
    if (this.#isSettled && this.#isAcknowledged) this.#deadlines.settingsAt = 0
    if (!ack) this.onPeerSettings()
  }

  #onAcknowledged(): void {
    const { headerTableBytes } = this.settings
    // From here on the peer may not count on the size that everybody begins with.
    if (!this.#isAcknowledged && headerTableBytes < DEFAULT_TABLE_BYTES) this.decoder.setTableBytesMax(headerTableBytes)
    if (!this.#isAcknowledged) this.onOwnSettings()
    this.#isAcknowledged = true
  }

  #takeSettings(bytes: Buffer, start: number, end: number): boolean {
    const { peer, output, encoder } = this
    const windowBefore = peer.initialWindowBytes
    const tableBefore = peer.headerTableBytes
    const error = peer.apply(bytes, start, end)
    if (error !== 0) {
      this.goAway(error, '')
      return false
    }
    this.#isSettled = true
    if (peer.headerTableBytes !== tableBefore || peer.headerTableBytesLowest < tableBefore) {
      encoder.setTableBytesMax(Math.min(peer.headerTableBytesLowest, this.settings.headerTableBytes))
      encoder.setTableBytesMax(Math.min(peer.headerTableBytes, this.settings.headerTableBytes))
    }
    output.frameBytesMax = Math.min(peer.frameBytesMax, FRAME_BYTES_MAX)
    writeSettingsAck(output.control())
    this.checkControl()
    return !this.closed && this.resizeWindows(peer.initialWindowBytes - windowBefore)
  }

  /** Asks whether the peer is there: `onPong` follows if it is. */
  ping(): void {
    if (!this.closed) this.#ping(PROBE)
  }

  /** How much comes in a round trip is measured from here on. */
  protected measure(): void {
    this.#ping(MEASURE)
  }

  #ping(purpose: PingPurpose): void {
    writePing(this.output.control(), false, pingBytes[purpose] as Buffer, 0)
  }

  /** @internal */
  onPing(ack: boolean, bytes: Buffer, start: number): void {
    if (!this.idleFrame()) return
    if (ack) {
      this.#onPong(purposeOf(bytes, start))
      return
    }
    writePing(this.output.control(), true, bytes, start)
    this.checkControl()
  }

  #onPong(purpose: number): void {
    if (purpose === MEASURE) this.window.endSample()
    else if (purpose === ANNOUNCE && this.#phase === ANNOUNCED) this.#announceLast()
    else if (purpose === PROBE) this.onPong()
  }

  /** @internal RFC 9113, section 5.3.2: nothing in it is of use. */
  onPriority(): void {
    this.idleFrame()
  }

  /** @internal */
  onUnknown(): void {
    this.idleFrame()
  }
}

function hasPassed(at: number, nowMs: number): boolean {
  return at !== 0 && at <= nowMs
}
