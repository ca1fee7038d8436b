import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REQUEST, RESPONSE } from '../../../engine/http1/llhttp.ts'
import { piecesAt, toBuffer } from '../../support/bytes.ts'
import { feed, type Message } from './feed.ts'

describe('whatever message, cut however', () => {
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/)
  /** Names that change neither framing nor the connection. */
  const fieldName = token.filter(
    name => !/^(?:content-length|transfer-encoding|connection|upgrade|proxy-connection)$/i.test(name),
  )
  const fieldValue = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/)
  const blank = fc.stringMatching(/^[ \t]{0,3}$/)
  const fieldLine = fc.record({ name: fieldName, before: blank, value: fieldValue, after: blank })
  const octets = (minLength: number) =>
    fc.uint8Array({ minLength, maxLength: 60, size: 'max' }).map(bytes => Buffer.from(bytes).toString('latin1'))
  const extension = fc.stringMatching(/^(?:;[a-z]{1,4}(?:=(?:[a-z]{1,4}|"[a-z ;]{0,6}"))?)?$/)
  const chunk = fc.record({ content: octets(1), extension, zeros: fc.nat(3) })

  const framing = fc.oneof(
    fc.record({ kind: fc.constant('none' as const) }),
    fc.record({ kind: fc.constant('length' as const), content: octets(0) }),
    fc.record({
      kind: fc.constant('chunked' as const),
      chunks: fc.array(chunk, { maxLength: 5, size: 'max' }),
      trailers: fc.array(fieldLine, { maxLength: 3 }),
    }),
  )

  const message = fc.record({
    target: fc.stringMatching(/^\/[!"$-~]{0,20}$/),
    fields: fc.array(fieldLine, { maxLength: 8, size: 'max' }),
    framing,
    status: fc.integer({ min: 200, max: 599 }).filter(status => status !== 204 && status !== 304),
    reason: fc.stringMatching(/^[\t -~\x80-\xff]{0,12}$/),
  })

  type Valid = typeof message extends fc.Arbitrary<infer T> ? T : never

  function linesOf(lines: Valid['fields']): string {
    return lines.map(({ name, before, value, after }) => `${name}:${before}${value}${after}\r\n`).join('')
  }

  function framedContent(framing: Valid['framing']): { line: string; bytes: string; content: string } {
    if (framing.kind === 'none') return { line: '', bytes: '', content: '' }
    if (framing.kind === 'length') {
      return { line: `Content-Length: ${framing.content.length}\r\n`, bytes: framing.content, content: framing.content }
    }
    const chunks = framing.chunks.map(({ content, extension, zeros }) => {
      const size = '0'.repeat(zeros) + content.length.toString(16)
      return `${size}${extension}\r\n${content}\r\n`
    })
    return {
      line: 'Transfer-Encoding: chunked\r\n',
      bytes: `${chunks.join('')}0\r\n${linesOf(framing.trailers)}\r\n`,
      content: framing.chunks.map(({ content }) => content).join(''),
    }
  }

  function render(valid: Valid, type: number): { text: string; expected: Partial<Message> } {
    const { line, bytes, content } = framedContent(valid.framing)
    const first = type === REQUEST ? `PUT ${valid.target} HTTP/1.1\r\n` : `HTTP/1.1 ${valid.status} ${valid.reason}\r\n`
    // A response without framing would run until the close.
    const framingLine = type === RESPONSE && line === '' ? 'Content-Length: 0\r\n' : line
    const head = `${first}${linesOf(valid.fields)}${framingLine}\r\n`
    const fields = valid.fields.map(({ name, value }) => [name, value] as [string, string])
    if (framingLine !== '') fields.push(framingLine.trim().split(': ') as [string, string])
    return { text: head + bytes, expected: { head, fields, content, complete: true, error: 0 } }
  }

  it.each([
    ['requests', REQUEST],
    ['responses', RESPONSE],
  ])('%s that are valid come out as they were put together', (_, type) => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(1_000), { maxLength: 20, size: 'max' }),
        (valid, offsets) => {
          const rendered = valid.map(one => render(one, type))
          const text = rendered.map(one => one.text).join('')
          const { messages } = feed(type, piecesAt(toBuffer(text), offsets))
          expect(messages).toMatchObject(rendered.map(one => one.expected))
          expect(feed(type, [...text]).messages).toEqual(messages)
        },
      ),
    )
  })
})
