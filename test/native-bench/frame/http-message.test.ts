import { describe, expect, it } from 'vitest'
import { type Message, MessageReader, statusOf } from '../../../native-bench/frame/http-message.ts'

const MESSAGES =
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n' +
  'HTTP/1.1 204 No Content\r\n\r\n' +
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n' +
  'HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n'

function readIn(pieces: readonly string[]): Message[] {
  const messages: Message[] = []
  const reader = new MessageReader(message => messages.push(message), true)
  for (const piece of pieces) reader.read(Buffer.from(piece))
  return messages
}

describe('the reader of messages', () => {
  it.each([
    ['whole', [MESSAGES]],
    ['one byte at a time', [...MESSAGES]],
  ])('finds the end and the content of each, fed %s', (_, pieces) => {
    const messages = readIn(pieces)
    expect(messages.map(({ content }) => content?.toString())).toEqual(['hello', 'abc0123456789', '', '', ''])
    expect(messages.map(({ contentBytes }) => contentBytes)).toEqual([5, 13, 0, 0, 0])
    expect(messages[3]?.head).toBe('GET / HTTP/1.1\r\nHost: a')
  })

  it('keeps no content unless it is told to', () => {
    const messages: Message[] = []
    new MessageReader(message => messages.push(message)).read(Buffer.from(MESSAGES))
    expect(messages.map(({ content }) => content)).toEqual([null, null, null, null, null])
  })

  it.each([
    ['HTTP/1.1 200 OK\r\n\r\n', 'without Content-Length'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n', 'a chunk without a size'],
    ['x'.repeat(70_000), 'a head without an end'],
  ])('refuses what it cannot frame', (text, reason) => {
    expect(() => readIn([text])).toThrow(reason)
  })

  it('reads the status of a response alone', () => {
    expect(statusOf('HTTP/1.1 503 Service Unavailable')).toBe(503)
    expect(statusOf('GET / HTTP/1.1')).toBeNaN()
  })
})
