/** What origins do wrong, by name: a request for `/name` gets that behaviour. */
import { chunk, head, ok } from '../support/heads.ts'
import type { Script, ScriptedConnection } from '../support/scripted-origin.ts'
import type { RequestHead } from '../support/strict-request.ts'

export type Behaviour = (connection: ScriptedConnection, request: RequestHead) => Promise<unknown>

const LENGTH = head('HTTP/1.1 200 OK', 'Content-Length: 1000')
const CHUNKED = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
const UNTIL_CLOSE = head('HTTP/1.1 200 OK')
const PART_OF_HEAD = 'HTTP/1.1 200 OK\r\nContent-Le'

type Ending = 'close' | 'reset' | 'stall'

/** Sends bytes and then leaves it at that. */
function sendThen(bytes: string, ending: Ending): Behaviour {
  return async connection => {
    await connection.send(bytes)
    await connection[ending]()
  }
}

/** Reads a part of the request's content, sends bytes and does what it is told. */
function inRequest(bytes: string, ending: Ending): Behaviour {
  return async connection => {
    await connection.expectBytes(1_000)
    await connection.send(bytes)
    await connection[ending]()
  }
}

export const BEHAVIOURS = {
  answer: (connection, request) => connection.expectContent(request).then(() => connection.send(ok('answer'))),

  'close-before-head': sendThen('', 'close'),
  'reset-before-head': sendThen('', 'reset'),
  'stall-before-head': sendThen('', 'stall'),
  'close-in-head': sendThen(PART_OF_HEAD, 'close'),
  'reset-in-head': sendThen(PART_OF_HEAD, 'reset'),
  'stall-in-head': sendThen(PART_OF_HEAD, 'stall'),
  'close-behind-interim': sendThen(head('HTTP/1.1 103 Early Hints'), 'close'),
  'stall-behind-interim': sendThen(head('HTTP/1.1 103 Early Hints'), 'stall'),
  'close-in-length': sendThen(`${LENGTH}part`, 'close'),
  'reset-in-length': sendThen(`${LENGTH}part`, 'reset'),
  'stall-in-length': sendThen(`${LENGTH}part`, 'stall'),
  'stall-behind-head': sendThen(LENGTH, 'stall'),
  'close-in-chunks': sendThen(CHUNKED + chunk('part'), 'close'),
  'reset-in-chunks': sendThen(CHUNKED + chunk('part'), 'reset'),
  'stall-in-chunks': sendThen(CHUNKED + chunk('part'), 'stall'),
  'close-in-a-chunk': sendThen(`${CHUNKED}100\r\npart`, 'close'),
  'close-in-trailers': sendThen(`${CHUNKED + chunk('part')}0\r\nX-Sum: 1`, 'close'),
  'reset-before-close': sendThen(`${UNTIL_CLOSE}part`, 'reset'),
  'stall-before-close': sendThen(`${UNTIL_CLOSE}part`, 'stall'),
  'close-behind-response': sendThen(ok('whole'), 'close'),
  'reset-behind-response': sendThen(ok('whole'), 'reset'),

  'too-much': sendThen(`${ok('whole')}and more`, 'stall'),
  'one-answer-too-many': sendThen(ok('whole') + ok('unasked'), 'stall'),
  'too-little': sendThen(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}123456789`, 'close'),
  nonsense: sendThen('220 smtp.example ESMTP\r\n', 'stall'),
  'endless-head': sendThen(`HTTP/1.1 200 OK\r\n${'X-Filler: 0123456789\r\n'.repeat(10_000)}`, 'stall'),
  'endless-line': sendThen(`HTTP/1.1 200 OK\r\nX-Filler: ${'0123456789'.repeat(20_000)}`, 'stall'),
  'endless-interims': sendThen(head('HTTP/1.1 103 Early Hints').repeat(1_000), 'stall'),
  'malformed-chunk': sendThen(`${CHUNKED + chunk('part')}zz\r\n`, 'stall'),

  'early-answer': (connection, request) => connection.send(ok('early')).then(() => connection.expectContent(request)),
  'early-answer-close': inRequest(ok('early', 'Connection: close'), 'close'),
  'early-answer-reset': inRequest(ok('early'), 'reset'),
  'early-answer-stall': inRequest(ok('early'), 'stall'),
  'close-in-request': inRequest('', 'close'),
  'reset-in-request': inRequest('', 'reset'),
  'stall-in-request': inRequest('', 'stall'),
} satisfies Record<string, Behaviour>

export type BehaviourName = keyof typeof BEHAVIOURS

const GOES_ON: ReadonlySet<Behaviour> = new Set([BEHAVIOURS.answer, BEHAVIOURS['early-answer']])

/** Does what the target of each request names, until that is something after which nothing can follow. */
export const behave: Script = async connection => {
  for (let behaviour: Behaviour = BEHAVIOURS.answer; GOES_ON.has(behaviour); ) {
    const request = await connection.expectHead()
    behaviour = BEHAVIOURS[request.target.slice(1) as BehaviourName] ?? BEHAVIOURS.answer
    await behaviour(connection, request)
  }
}
