/** SETTINGS: what each is called, what it may be (RFC 9113, section 6.5.2; RFC 8441, section 3; RFC 9218, section 2.1). */
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_TABLE_BYTES,
  DEFAULT_WINDOW_BYTES,
  FLOW_CONTROL_ERROR,
  PROTOCOL_ERROR,
  read32,
  WINDOW_MAX,
} from './protocol.ts'

export const HEADER_TABLE_SIZE = 0x1
export const ENABLE_PUSH = 0x2
export const MAX_CONCURRENT_STREAMS = 0x3
export const INITIAL_WINDOW_SIZE = 0x4
export const MAX_FRAME_SIZE = 0x5
export const MAX_HEADER_LIST_SIZE = 0x6
export const ENABLE_CONNECT_PROTOCOL = 0x8
export const NO_RFC7540_PRIORITIES = 0x9

/** Stands for no limit. */
export const UNLIMITED = 0xffffffff

/** A value outside of `min` to `max` is a connection error of type `error`. */
export interface SettingRow {
  readonly id: number
  readonly name: string
  readonly min: number
  readonly max: number
  /** What holds as long as the peer has not said. */
  readonly initial: number
  readonly error: number
}

export const SETTING_ROWS: readonly SettingRow[] = [
  row(HEADER_TABLE_SIZE, 'SETTINGS_HEADER_TABLE_SIZE', 0, UNLIMITED, DEFAULT_TABLE_BYTES, PROTOCOL_ERROR),
  row(ENABLE_PUSH, 'SETTINGS_ENABLE_PUSH', 0, 1, 1, PROTOCOL_ERROR),
  row(MAX_CONCURRENT_STREAMS, 'SETTINGS_MAX_CONCURRENT_STREAMS', 0, UNLIMITED, UNLIMITED, PROTOCOL_ERROR),
  row(INITIAL_WINDOW_SIZE, 'SETTINGS_INITIAL_WINDOW_SIZE', 0, WINDOW_MAX, DEFAULT_WINDOW_BYTES, FLOW_CONTROL_ERROR),
  row(MAX_FRAME_SIZE, 'SETTINGS_MAX_FRAME_SIZE', DEFAULT_FRAME_BYTES, 0xffffff, DEFAULT_FRAME_BYTES, PROTOCOL_ERROR),
  row(MAX_HEADER_LIST_SIZE, 'SETTINGS_MAX_HEADER_LIST_SIZE', 0, UNLIMITED, UNLIMITED, PROTOCOL_ERROR),
  row(ENABLE_CONNECT_PROTOCOL, 'SETTINGS_ENABLE_CONNECT_PROTOCOL', 0, 1, 0, PROTOCOL_ERROR),
  row(NO_RFC7540_PRIORITIES, 'SETTINGS_NO_RFC7540_PRIORITIES', 0, 1, 0, PROTOCOL_ERROR),
]

function row(id: number, name: string, min: number, max: number, initial: number, error: number): SettingRow {
  return { id, name, min, max, initial, error }
}

const BY_ID: readonly (SettingRow | null)[] = Array.from(
  { length: 16 },
  (_, id) => SETTING_ROWS.find(each => each.id === id) ?? null,
)

/** What the peer allows us. */
export class PeerSettings {
  headerTableBytes = DEFAULT_TABLE_BYTES
  /** The least that it was, for a moment, while the last SETTINGS were taken over: the table has lost what went beyond. */
  headerTableBytesLowest = DEFAULT_TABLE_BYTES
  enablePush = 1
  streamsMax: number = UNLIMITED
  initialWindowBytes = DEFAULT_WINDOW_BYTES
  frameBytesMax = DEFAULT_FRAME_BYTES
  /** Advice only (RFC 9113, section 6.5.2). */
  fieldSectionBytesMax: number = UNLIMITED
  /** It takes extended CONNECT (RFC 8441). */
  connectProtocol = false
  noRfc7540Priorities = false
  readonly #fromServer: boolean
  #received = false

  constructor(fromServer: boolean) {
    this.#fromServer = fromServer
  }

  /**
   * Takes over the payload of a SETTINGS frame, value by value in its order; those that nobody knows are ignored. Gives 0,
   * or the error that ends the connection.
   */
  apply(bytes: Uint8Array, start: number, end: number): number {
    this.headerTableBytesLowest = this.headerTableBytes
    for (let at = start; at + 6 <= end; at += 6) {
      const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
      const found = id < BY_ID.length ? (BY_ID[id] as SettingRow | null) : null
      if (found === null) continue
      const value = read32(bytes, at + 2)
      if (value < found.min || value > found.max) return found.error
      const error = this.#set(id, value)
      if (error !== 0) return error
    }
    this.#received = true
    return 0
  }

  #set(id: number, value: number): number {
    switch (id) {
      case HEADER_TABLE_SIZE:
        this.headerTableBytes = value
        this.headerTableBytesLowest = Math.min(this.headerTableBytesLowest, value)
        break
      case ENABLE_PUSH:
        // A server has nothing to allow a client here (RFC 9113, section 6.5.2).
        if (this.#fromServer && value === 1) return PROTOCOL_ERROR
        this.enablePush = value
        break
      case MAX_CONCURRENT_STREAMS:
        this.streamsMax = value
        break
      case INITIAL_WINDOW_SIZE:
        this.initialWindowBytes = value
        break
      case MAX_FRAME_SIZE:
        this.frameBytesMax = value
        break
      case MAX_HEADER_LIST_SIZE:
        this.fieldSectionBytesMax = value
        break
      case ENABLE_CONNECT_PROTOCOL:
        // What was allowed cannot be taken back (RFC 8441, section 3).
        if (this.connectProtocol && value === 0) return PROTOCOL_ERROR
        this.connectProtocol = value === 1
        break
      case NO_RFC7540_PRIORITIES:
        // It holds from the first SETTINGS on, or never (RFC 9218, section 2.1).
        if (this.#received && (value === 1) !== this.noRfc7540Priorities) return PROTOCOL_ERROR
        this.noRfc7540Priorities = value === 1
        break
    }
    return 0
  }
}
