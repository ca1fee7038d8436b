/**
 * undici's build of llhttp (WebAssembly with SIMD), one instance per thread, and the one memory in which it parses.
 *
 * All memory is taken at start: memory that grows would detach every view that sockets read into. The order matters:
 * first the heap is stretched for the parsers that may ever live at once, then the slots are cut from what follows.
 */
import { createRequire } from 'node:module'
import { SlotPool } from '../net/slots.ts'

/** Parsers that may live at once in a thread, one per connection of either side. Past it connections are refused. */
export const PARSERS_MAX = 65_536

/** Slots for connections in the middle of bulk content. Past it such content is copied once more. */
const SLOT_COUNT = 512

/**
 * What one read into such a slot can bring. The fewer reads a transfer takes, the less often the sender is told of room
 * in its window and sends on in small steps: docs/performance.md, bulk content.
 */
export const OWN_SLOT_BYTES: number = 256 * 1024

/** Bytes that one parser takes from the heap, its allocator's own included. */
const PARSER_BYTES = 96

export const REQUEST = 1
export const RESPONSE = 2

/** What llhttp_execute answers; the names are llhttp's own. */
export const HPE_OK = 0
export const HPE_INVALID_METHOD = 6
export const HPE_INVALID_CONSTANT = 8
export const HPE_INVALID_VERSION = 9
export const HPE_PAUSED = 21
export const HPE_PAUSED_UPGRADE = 22
export const HPE_USER = 24

interface Exports {
  readonly memory: WebAssembly.Memory
  _initialize(): void
  malloc(bytes: number): number
  free(pointer: number): void
  llhttp_alloc(type: number): number
  llhttp_free(parser: number): void
  llhttp_execute(parser: number, start: number, length: number): number
  llhttp_finish(parser: number): number
  llhttp_resume(parser: number): void
  llhttp_get_error_pos(parser: number): number
  llhttp_get_method(parser: number): number
  llhttp_get_http_major(parser: number): number
  llhttp_get_http_minor(parser: number): number
}

/** Receives the callbacks of whichever parser runs. Positions are positions in the memory. */
export interface Callbacks {
  onTarget(start: number, length: number): number
  onFieldName(start: number, length: number): number
  onFieldValue(start: number, length: number): number
  onHead(statusCode: number, upgrade: boolean, keepAlive: boolean): number
  onContent(start: number, length: number): number
  onComplete(): number
}

let callbacks: Callbacks

/** The message parser registers itself once. */
export function setCallbacks(receiver: Callbacks): void {
  callbacks = receiver
}

const code = createRequire(import.meta.url)('undici/lib/llhttp/llhttp_simd-wasm.js') as Buffer
const instance = new WebAssembly.Instance(new WebAssembly.Module(code as Uint8Array<ArrayBuffer>), {
  env: {
    wasm_on_message_begin: () => 0,
    wasm_on_url: (_parser: number, at: number, length: number) => callbacks.onTarget(at, length),
    wasm_on_status: () => 0,
    wasm_on_header_field: (_parser: number, at: number, length: number) => callbacks.onFieldName(at, length),
    wasm_on_header_value: (_parser: number, at: number, length: number) => callbacks.onFieldValue(at, length),
    wasm_on_headers_complete: (_parser: number, status: number, upgrade: number, keepAlive: number) =>
      callbacks.onHead(status, upgrade === 1, keepAlive === 1),
    wasm_on_body: (_parser: number, at: number, length: number) => callbacks.onContent(at, length),
    wasm_on_message_complete: () => callbacks.onComplete(),
  },
})

export const llhttp = instance.exports as unknown as Exports
llhttp._initialize()
const parsersRoom = llhttp.malloc(PARSERS_MAX * PARSER_BYTES)

/** What a connection may send ahead of its turn; past it it is not read. */
export const AHEAD_BYTES_MAX: number = 64 * 1024

/** Bytes that can be replayed at once: what one connection may have sent ahead of its turn, and one read more. */
const REPLAY_BYTES = AHEAD_BYTES_MAX + OWN_SLOT_BYTES
const replayStart = llhttp.malloc(REPLAY_BYTES)
const slotsStart = llhttp.malloc(SlotPool.bytesNeeded(SLOT_COUNT, OWN_SLOT_BYTES))
if (parsersRoom === 0 || replayStart === 0 || slotsStart === 0) {
  throw new Error('not enough memory for the buffer slots')
}
// Given back only now, so that nothing but parsers comes to lie there.
llhttp.free(parsersRoom)

/** The whole memory of the parser: every position in a read, a head or content is a position in it. */
export const memory: Buffer = Buffer.from(llhttp.memory.buffer)

/** The slots of this thread. */
export const slots: SlotPool = new SlotPool(memory, slotsStart, SLOT_COUNT, OWN_SLOT_BYTES)

/** Puts bytes that were kept aside where the parser can read them; gives their position. At most `REPLAY_BYTES`. */
export function replay(bytes: Uint8Array): number {
  if (bytes.length > REPLAY_BYTES) throw new RangeError(`${bytes.length} bytes are more than can be replayed at once`)
  memory.set(bytes, replayStart)
  return replayStart
}

let parsersLive = 0

/** A new parser, or 0 when `PARSERS_MAX` live already. */
export function openParser(type: number): number {
  if (parsersLive >= PARSERS_MAX) return 0
  parsersLive += 1
  return llhttp.llhttp_alloc(type)
}

export function closeParser(parser: number): void {
  parsersLive -= 1
  llhttp.llhttp_free(parser)
}

/** Parsers that live, for tests that look for what was left behind. */
export function parserCount(): number {
  return parsersLive
}
