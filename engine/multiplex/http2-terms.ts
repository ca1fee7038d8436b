import type { HeadLimits } from '../http2/head-words.ts'
import type { WindowSizes } from './receive-window.ts'

/** What a connection of HTTP/2 goes by on our side. */
export interface Http2Terms extends WindowSizes, HeadLimits {
  /** Streams that the peer may have open at once; nothing on a connection whose streams are ours. Past it: REFUSED_STREAM. */
  readonly streamsMax: number
  /** Bytes of a frame that we take. Past it: FRAME_SIZE_ERROR. */
  readonly frameBytesMax: number
  /** Bytes of the table of field lines that the peer may make us keep, and of the one that we make it keep. */
  readonly headerTableBytes: number
  /** Frames of control that may wait to be written. Past it: ENHANCE_YOUR_CALM. */
  readonly queuedControlMax: number
  /** Milliseconds for the peer's SETTINGS and its acknowledgement of ours, and for any frame to become whole. */
  readonly headMs: number
  /** Milliseconds in which the peer has to take some of what is written. Past it: the connection is reset. */
  readonly contentMs: number
  /** Milliseconds without a stream; 0 for ever. Past it: `onIdle`. */
  readonly idleMs: number
}

/** So much longer than a head may be are field blocks and sections that are still read, to be answered. Past it: ENHANCE_YOUR_CALM. */
export const HEAD_BYTES_FACTOR = 4
