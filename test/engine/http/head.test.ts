import { describe, expect, it } from 'vitest'
import { HOST, OTHER_FIELD } from '../../../engine/http/field-names.ts'
import { FIELD_LINES_MAX, Head, isBlank } from '../../../engine/http/head.ts'
import { readRequest } from '../../../engine/http/request-facts.ts'
import { memory, REQUEST, slots } from '../../../engine/http1/llhttp.ts'
import { MessageParser, parsed } from '../../../engine/http1/message-parser.ts'
import { toBuffer } from '../../support/bytes.ts'
import { LIMITS } from '../http1/feed.ts'

/** Parses a piece in the landing slot, as a read brings it. */
function read(parser: MessageParser, head: Head, piece: string): void {
  const { start } = slots.landing
  memory.set(toBuffer(piece), start)
  parser.parse(start, start + piece.length, head)
}

describe('a head that all connections share', () => {
  it('has nothing of one connection in the head of another that it was interrupted by', () => {
    const head = new Head(memory)
    const interrupted = new MessageParser(REQUEST, LIMITS)
    const other = new MessageParser(REQUEST, LIMITS)
    read(interrupted, head, 'GET /1 HTTP/1.1\r\nX-One: 1\r\nX-Two: 2\r\nHost: a.exa')
    read(other, head, 'GET /2 HTTP/1.1\r\nHost: b\r\nConnection: close\r\nTE: trailers\r\nX-More: 3\r\n\r\n')
    expect(readRequest(head, other)).toBe('')
    read(interrupted, head, 'mple\r\nX-Three: 3\r\n\r\n')
    expect(parsed).toMatchObject({ head: true, complete: true, error: 0 })
    expect(readRequest(head, interrupted)).toBe('')
    const lines = Array.from({ length: head.fieldCount }, (_, index) => [
      head.name(index),
      head.value(index),
      head.ids[index],
    ])
    expect(lines).toEqual([
      ['X-One', '1', OTHER_FIELD],
      ['X-Two', '2', OTHER_FIELD],
      ['Host', 'a.example', HOST],
      ['X-Three', '3', OTHER_FIELD],
    ])
    for (const parser of [interrupted, other]) parser.close()
  })

  it('is whole until the next is parsed, though what it was read from is overwritten', () => {
    const head = new Head(memory)
    const parser = new MessageParser(REQUEST, LIMITS)
    const text = 'GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\n'
    for (const character of text) read(parser, head, character)
    slots.landing.view.fill('?')
    expect(head.text(0, head.length)).toBe(text)
    parser.close()
  })
})

describe('a copy of a head', () => {
  it('has bytes and lines of its own', () => {
    const head = new Head(memory)
    const parser = new MessageParser(REQUEST, LIMITS)
    const text = 'GET /1 HTTP/1.1\r\nHost: a.example\r\nX-One: 1 \r\n\r\n'
    read(parser, head, text)
    expect(readRequest(head, parser)).toBe('')
    const copy = head.copy()
    read(parser, head, 'GET /another HTTP/1.1\r\nX-Other: 2\r\nHost: b\r\nX-More: 3\r\n\r\n')
    expect(copy.text(0, copy.length)).toBe(text)
    expect(copy.text(copy.targetStart, copy.targetEnd)).toBe('/1')
    const lines = Array.from({ length: copy.fieldCount }, (_, index) => [
      copy.name(index),
      copy.value(index),
      copy.ids[index],
    ])
    expect(lines).toEqual([
      ['Host', 'a.example', HOST],
      ['X-One', '1', OTHER_FIELD],
    ])
    expect(copy.lineEnd(1)).toBe(text.length - 2)
    parser.close()
  })
})

describe('the spans of a head', () => {
  it('know where each line begins and ends, blanks and all', () => {
    const head = new Head(memory)
    const parser = new MessageParser(REQUEST, LIMITS)
    const lines = ['A:1\r\n', 'B: \t2 \t\r\n', 'C:\r\n', 'D:  \r\n', 'E: f g\r\n']
    read(parser, head, `GET / HTTP/1.1\r\n${lines.join('')}\r\n`)
    const indices = [...lines.keys()]
    expect(indices.map(index => head.text(head.nameStart(index), head.lineEnd(index)))).toEqual(lines)
    expect(indices.map(index => head.value(index))).toEqual(['1', '2', '', '', 'f g'])
    expect(head.text(head.lineEnd(4), head.length)).toBe('\r\n')
    parser.close()
  })

  it('hold the most lines that a configuration may allow', () => {
    const head = new Head(memory)
    for (let index = 0; index < FIELD_LINES_MAX; index += 1) {
      head.addName(index * 4, index * 4 + 1)
      head.setValue(index * 4 + 2, index * 4 + 3)
    }
    expect(head.fieldCount).toBe(FIELD_LINES_MAX)
    expect(head.nameStart(FIELD_LINES_MAX - 1)).toBe((FIELD_LINES_MAX - 1) * 4)
  })
})

describe('a blank', () => {
  it('is a space or a tab, and nothing else', () => {
    const blanks = Array.from({ length: 256 }, (_, byte) => byte).filter(isBlank)
    expect(blanks).toEqual([0x09, 0x20])
  })
})
