/**
 * How much a peer of HTTP/2 may make us do for nothing: what each bound is, and what happens past it. Where that is GOAWAY with
 * ENHANCE_YOUR_CALM, the connection ends with it.
 */

/** Streams that are looked back on for resets. */
export const RESETS_LOOKED_BACK = 500

/** Of so many of the last `RESETS_LOOKED_BACK` streams reset in vain. Past it: ENHANCE_YOUR_CALM. */
export const RESETS_MAX = 250

/**
 * Milliseconds after which a stream that its client resets was no vain one: whoever waited that long for an answer, or read
 * it for that long, may lose interest.
 */
export const VAIN_RESET_MS = 1000

/**
 * Frames that bring nothing on (SETTINGS, PING, PRIORITY, empty DATA, WINDOW_UPDATE, unknown ones ...) beyond those that useful
 * ones account for, and beyond `IDLE_FRAMES_PER_SECOND`. Past it: ENHANCE_YOUR_CALM.
 */
export const IDLE_FRAMES_MAX = 1000

/** Such frames that any peer may send in a second, for as long as it likes. */
export const IDLE_FRAMES_PER_SECOND = 10

/** Such frames that go with a stream: its priority, its window, its reset. */
export const IDLE_FRAMES_PER_STREAM = 8

/** Such frames that go with a DATA frame, in either direction: windows of the stream and of the connection are given back. */
export const IDLE_FRAMES_PER_DATA = 4

/** A DATA frame of ours that a window has cut shorter than this, in bytes, accounts for nothing: the peer dribbles. */
export const DRIBBLE_BYTES = 256

/** Streams of ours that we have reset lately, whose frames may still be under way: those are passed over. Past it: STREAM_CLOSED. */
export const RESET_STREAMS_KEPT = 256

/** PRIORITY_UPDATE for streams that are not open yet (RFC 9218, section 7.1), as many as are kept. Past it: passed over. */
export const EARLY_PRIORITIES_MAX = 32

/** Bytes of frames that are put together for one write. Past it: what follows waits for the write. */
export const WRITE_BYTES = 128 * 1024

/** Bytes of heads and frames of control that may wait while the kernel takes none. Past it: the connection is reset. */
export const BLOCKED_BYTES_MAX = 1024 * 1024

/** Every so manieth DATA frame goes to the stream that has waited longest, whatever its urgency: none starves. */
export const FAIR_TURN = 8

/** Milliseconds that a peer has to answer the PING that goes with the announcement of the end; past it no stream is taken any more. */
export const GOAWAY_ROUND_TRIP_MS = 1000

/** Bytes of the frames that we send, at most, whatever the peer takes: streams take turns by frames. */
export const FRAME_BYTES_MAX = 64 * 1024

/** DATA for streams that were reset counts as bringing nothing on where a frame is smaller than this, in bytes. */
export const STRAY_BYTES_MIN = 1024

/**
 * Milliseconds between our end of a stream and RST_STREAM behind it, where the rest of the peer's message is of no use: clients
 * that read both at once lose the response (curl up to 7.88 does), and those that are nearly through need no reset.
 */
export const RESET_BEHIND_END_MS = 20
