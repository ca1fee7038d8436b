import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'

/** Where log lines end: a file descriptor of the process. */
export interface LogDestination {
  readonly fd: number
  /** Opened here, so to be closed here. */
  readonly owned: boolean
  readonly isTerminal: boolean
}

/**
 * Opens a path for appending, or takes a descriptor (1 is stdout) and makes sure, as far as the system allows, that a
 * write to it returns instead of blocking: a thread inside a blocked `write(2)` cannot be ended, and a process with such
 * a thread cannot exit. A pipe or terminal is opened anew, because `O_NONBLOCK` belongs to the open file description,
 * which other processes may share. Throws what `open(2)` throws.
 */
export function openDestination(destination: number | string): LogDestination {
  if (typeof destination === 'string') {
    const flags =
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY
    const fd = openSync(destination, flags, 0o644)
    return { fd, owned: true, isTerminal: isatty(fd) }
  }
  const isTerminal = isatty(destination)
  const kind = fstatSync(destination)
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY
      return { fd: openSync(`/proc/self/fd/${destination}`, flags), owned: true, isTerminal }
    } catch {
      // No /proc, or the pipe was made by another user: the descriptor itself, then.
    }
  }
  // Node makes the descriptors behind these two non-blocking when they are first touched (a socket or pipe only).
  if (!kind.isFile() && destination === 1) void process.stdout
  if (!kind.isFile() && destination === 2) void process.stderr
  return { fd: destination, owned: false, isTerminal }
}

export function closeDestination(destination: LogDestination): void {
  if (destination.owned) closeSync(destination.fd)
}

/** Told apart by `writeAll`'s caller: how often to ask whether to go on while the output takes nothing. */
export interface Patience {
  /** Waits a little. */
  pause(timeoutMs: number): void
  /** True once waiting has lost its sense. */
  isOver(): boolean
}

const PAUSE_MS_MIN = 1
const PAUSE_MS_MAX = 25

/**
 * Writes bytes that are whole lines, and waits while the output is full. Returns the number of lines that could not be
 * written, because the output failed (its reader is gone, the disk is full) or patience ended.
 */
export class LogSink {
  readonly #fd: number
  readonly #patience: Patience
  /** The last write failed within a line: the next one begins with a newline, to keep lines apart. */
  #isMidLine = false

  constructor(fd: number, patience: Patience) {
    this.#fd = fd
    this.#patience = patience
  }

  writeAll(bytes: Uint8Array, length: number): number {
    if (this.#isMidLine) {
      if (this.#write(NEWLINE, 0, 1) !== 1) return countLines(bytes, 0, length)
      this.#isMidLine = false
    }
    const written = this.#write(bytes, 0, length)
    if (written === length) return 0
    this.#isMidLine = written > 0 && bytes[written - 1] !== NEWLINE_BYTE
    return countLines(bytes, written, length)
  }

  #write(bytes: Uint8Array, from: number, to: number): number {
    let position = from
    let pauseMs = PAUSE_MS_MIN
    while (position < to) {
      try {
        const written = writeSync(this.#fd, bytes, position, to - position)
        position += written
        if (written > 0) pauseMs = PAUSE_MS_MIN
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code
        if (code === 'EINTR') continue
        if (code !== 'EAGAIN') return position
        if (this.#patience.isOver()) return position
        this.#patience.pause(pauseMs)
        pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)
      }
    }
    return position
  }
}

const NEWLINE_BYTE = 10
const NEWLINE = Uint8Array.of(NEWLINE_BYTE)

function countLines(bytes: Uint8Array, from: number, to: number): number {
  let lines = 0
  for (let index = from; index < to; index++) if (bytes[index] === NEWLINE_BYTE) lines++
  return lines
}
