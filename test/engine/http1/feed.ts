import { Head } from '../../../engine/http/head.ts'
import { memory, slots } from '../../../engine/http1/llhttp.ts'
import { MessageParser, type ParserLimits, parsed } from '../../../engine/http1/message-parser.ts'
import { SLOT_BYTES } from '../../../engine/net/slots.ts'
import { type Bytes, toBuffer } from '../../support/bytes.ts'

/** What a parser made of one message. */
export interface Message {
  /** The head's bytes, its empty line included; `null` where it never became whole. */
  head: string | null
  target: string
  fields: [name: string, value: string][]
  method: number
  statusCode: number
  version: string
  upgrade: boolean
  keepAlive: boolean
  content: string
  trailers: string[] | null
  complete: boolean
  /** One of the parser's codes, or 0. */
  error: number
}

export interface Fed {
  readonly messages: Message[]
  /** Bytes behind an upgrade, which are nobody's yet. */
  readonly rest: string
}

export interface FeedOptions {
  readonly limits?: Partial<ParserLimits>
  /** Responses: the n-th message answers HEAD. */
  readonly skipContent?: (message: number) => boolean
  /** Called with each head while it is valid. */
  readonly onHead?: (head: Head, parser: MessageParser) => void
  /** The peer sends no more behind the last piece. */
  readonly finish?: boolean
}

export const LIMITS: ParserLimits = { headBytesMax: 32_768, fieldLinesMax: 100, targetBytesMax: 8_192 }

/** Heads that tests read share the table, as in the engine. */
const sharedHead = new Head(memory)

/** Feeds a parser with pieces as a connection does: each lies at the start of a slot, and messages follow each other. */
export function feed(type: number, pieces: readonly Bytes[], options: FeedOptions = {}): Fed {
  const parser = new MessageParser(type, { ...LIMITS, ...options.limits })
  const messages: Message[] = []
  const afterUpgrade: string[] = []
  try {
    for (const piece of pieces.flatMap(readsOf)) feedRead(parser, piece, messages, afterUpgrade, options)
    const last = messages.at(-1)
    if (options.finish === true && last !== undefined && !last.complete && last.error === 0) {
      last.complete = parser.finish()
    }
  } finally {
    parser.close()
  }
  return { messages, rest: afterUpgrade.join('') }
}

function readsOf(piece: Bytes): Buffer[] {
  const bytes = toBuffer(piece)
  const count = Math.ceil(bytes.length / SLOT_BYTES)
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES))
}

function feedRead(
  parser: MessageParser,
  bytes: Buffer,
  messages: Message[],
  afterUpgrade: string[],
  options: FeedOptions,
): void {
  const { start } = slots.landing
  // What an earlier read left behind must not matter.
  slots.landing.view.fill('?')
  memory.set(bytes, start)
  const end = start + bytes.length
  let at = start
  while (at < end) {
    const last = messages.at(-1)
    if (last !== undefined && last.error !== 0) return
    if (last?.complete === true && last.upgrade) {
      afterUpgrade.push(memory.latin1Slice(at, end))
      return
    }
    if (last === undefined || last.complete) messages.push(emptyMessage())
    const message = messages.at(-1)!
    parser.skipContent = options.skipContent?.(messages.length - 1) ?? false
    parser.parse(at, end, sharedHead)
    take(message, parser, options)
    at += parsed.consumed
  }
}

function emptyMessage(): Message {
  return {
    head: null,
    target: '',
    fields: [],
    method: -1,
    statusCode: 0,
    version: '',
    upgrade: false,
    keepAlive: false,
    content: '',
    trailers: null,
    complete: false,
    error: 0,
  }
}

function take(message: Message, parser: MessageParser, options: FeedOptions): void {
  const { head, contentStart, contentEnd, complete, error } = parsed
  if (head) {
    const { fieldCount } = sharedHead
    message.head = sharedHead.text(0, sharedHead.length)
    message.target = sharedHead.text(sharedHead.targetStart, sharedHead.targetEnd)
    message.fields = Array.from({ length: fieldCount }, (_, index) => [sharedHead.name(index), sharedHead.value(index)])
    message.method = parser.method
    message.statusCode = parser.statusCode
    message.version = `${parser.versionMajor}.${parser.versionMinor}`
    message.upgrade = parser.upgrade
    message.keepAlive = parser.keepAlive
    options.onHead?.(sharedHead, parser)
  }
  message.content += memory.latin1Slice(contentStart, contentEnd)
  message.complete = complete
  message.error = error
  if (complete) message.trailers = parser.takeTrailers()
}
