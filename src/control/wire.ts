/**
 * The language of the control socket: one line of JSON asks, one line of JSON answers, in the order of the asking.
 *
 *     {"sluice":1,"id":1,"method":"status","params":{}}
 *     {"sluice":1,"id":1,"result":{...}}      or      {"sluice":1,"id":1,"error":{"code":"...","message":"..."}}
 *
 * docs/command-line.md says the same to those who write clients.
 */

/** Raised when a client of before would misunderstand what is said now. New methods and keys do not raise it. */
export const PROTOCOL_VERSION = 1

export type ControlErrorCode =
  /** Not a line of JSON that asks for something; the connection is closed. */
  | 'bad_request'
  /** Longer than a request may be; the connection is closed. */
  | 'too_long'
  /** Another version of the protocol. */
  | 'wrong_version'
  | 'unknown_method'
  /** The method cannot do anything with these params. */
  | 'bad_params'
  /** Too many connections, or the connection said nothing for too long; it is closed. */
  | 'busy'
  | 'idle'
  /** The process is about to end. */
  | 'stopping'
  /** A configuration was refused; `data.problems` are its problems. */
  | 'bad_configuration'
  /** What was asked for was tried, and failed; the message says why. */
  | 'failed'

/** What an answer says when it is not a result. Travels as `{code, message, data}`. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
  readonly code: ControlErrorCode
  readonly data: unknown

  constructor(code: ControlErrorCode, message: string, data: unknown = undefined) {
    super(message)
    this.code = code
    this.data = data
  }
}

export interface ControlRequest {
  readonly id: number | string | null
  readonly method: string
  readonly params: unknown
}

/** @throws {ControlError} */
export function parseRequest(line: string): ControlRequest {
  const value = parseObject(line)
  if (value === null) throw new ControlError('bad_request', 'a request is a JSON object on one line')
  const { sluice, id, method, params } = value
  if (sluice !== PROTOCOL_VERSION) {
    const message = `this instance speaks version ${PROTOCOL_VERSION}: a request begins with {"sluice":${PROTOCOL_VERSION},`
    throw new ControlError('wrong_version', message)
  }
  if (typeof method !== 'string') throw new ControlError('bad_request', '"method" must be the name of a method')
  return { id: idOf(id), method, params: params ?? {} }
}

function idOf(id: unknown): number | string | null {
  if (id === undefined || id === null) return null
  if (typeof id === 'number' || (typeof id === 'string' && id.length <= ID_LENGTH_MAX)) return id
  throw new ControlError('bad_request', `"id" must be a number, or text of at most ${ID_LENGTH_MAX} characters`)
}

const ID_LENGTH_MAX = 128

export function formatRequest(id: number, method: string, params: unknown): string {
  return `${JSON.stringify({ sluice: PROTOCOL_VERSION, id, method, params })}\n`
}

export function formatResult(id: ControlRequest['id'], result: unknown): string {
  return `${JSON.stringify({ sluice: PROTOCOL_VERSION, id, result: result ?? null })}\n`
}

export function formatError(id: ControlRequest['id'], { code, message, data }: ControlError): string {
  return `${JSON.stringify({ sluice: PROTOCOL_VERSION, id, error: { code, message, data } })}\n`
}

/** The result of an answer. @throws {ControlError} for one that is an error, or none at all. */
export function parseAnswer(line: string): unknown {
  const value = parseObject(line)
  if (value?.result !== undefined) return value.result
  const error = value?.error
  if (typeof error !== 'object' || error === null || !('code' in error && 'message' in error)) {
    throw new ControlError('bad_request', 'what answers there does not speak as Sluice does')
  }
  throw new ControlError(
    error.code as ControlErrorCode,
    String(error.message),
    'data' in error ? error.data : undefined,
  )
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

const NEWLINE = 0x0a

/** Takes bytes as they come and gives whole lines, without their end. */
export class LineReader {
  readonly #bytesMax: number
  #pieces: Buffer[] = []
  #bytes = 0

  /** `bytesMax` is what a line may have. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The lines that end in `chunk`, or `null` as soon as one is too long; the reader is of no use then. */
  push(chunk: Buffer): string[] | null {
    const lines: string[] = []
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      if (!this.#keep(chunk.subarray(from, end))) return null
      lines.push(Buffer.concat(this.#pieces).toString('utf8'))
      this.#pieces = []
      this.#bytes = 0
      from = end + 1
    }
    return this.#keep(chunk.subarray(from)) ? lines : null
  }

  #keep(piece: Buffer): boolean {
    this.#bytes += piece.length
    if (this.#bytes > this.#bytesMax) return false
    if (piece.length > 0) this.#pieces.push(piece)
    return true
  }
}
