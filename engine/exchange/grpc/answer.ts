/** Answers of the proxy's own to calls of gRPC: a head that has the status, and nothing behind it. */
import { statusText } from '../../http/status.ts'
import type { MessageEdits } from '../../rewriting/message-edits.ts'
import type { FieldLine } from '../../snapshot.ts'
import { type StaticAnswer, staticAnswer } from '../answer.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'
import type { GrpcCall } from './call.ts'
import { statusOfError, statusOfHttp } from './status.ts'

const STATUS_OK = 200

/** From here on a status of HTTP tells of an error. */
const ERROR_STATUS_MIN = 400

/** Bytes of the content of a configured answer that may be the message of a call. Past it: the words of its status. */
const MESSAGE_BYTES_MAX = 1024

/** What a call is told of an error; `fields` are those that it asks for, `changes` those of the route to its responses. */
export function callError(
  call: GrpcCall,
  code: ErrorCode,
  fields: readonly FieldLine[],
  changes: MessageEdits,
): StaticAnswer {
  const { status } = ERRORS[code]
  return trailersOnly(call, statusOfError(code), statusText(status), fields, changes)
}

/** An answer that the configuration has for everybody, as `call` gets it; `null` for what is no call. */
export function answerTo(call: GrpcCall | null, answer: StaticAnswer, changes: MessageEdits): StaticAnswer {
  const { status } = answer
  if (call === null || status < ERROR_STATUS_MIN) return answer
  return trailersOnly(call, statusOfHttp(status), messageOf(answer), [], changes)
}

/** In gRPC's words. `status` is of gRPC too, and the call's from here on. */
function trailersOnly(
  call: GrpcCall,
  status: number,
  message: string,
  more: readonly FieldLine[],
  changes: MessageEdits,
): StaticAnswer {
  call.status = status
  const own: FieldLine[] = [
    ['Content-Type', call.contentType],
    ['grpc-status', String(status)],
    ['grpc-message', encodeMessage(message)],
  ]
  return staticAnswer({ status: STATUS_OK, fields: [...own, ...more], content: Buffer.alloc(0) }, changes)
}

/** What people are told: its content, where that is plain text. */
function messageOf({ status, head, content }: StaticAnswer): string {
  const isText = /^content-type: *text\/plain/im.test(head.toString('latin1'))
  const text = isText && content.length <= MESSAGE_BYTES_MAX ? content.toString('utf8').trim() : ''
  return text === '' ? statusText(status) : text
}

/** Percent-encodes what is neither a printable character of ASCII nor, being `%`, itself. */
function encodeMessage(text: string): string {
  let encoded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}
