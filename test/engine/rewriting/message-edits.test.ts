import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createForwarding, writeRequestHead, writeResponseHead } from '../../../engine/http/head-writer.ts'
import { readResponse, response } from '../../../engine/http/response-facts.ts'
import { REQUEST, RESPONSE } from '../../../engine/http1/llhttp.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { compileMessageEdits } from '../../../engine/rewriting/message-edits.ts'
import type { RequestSource } from '../../../engine/routing/request.ts'
import type { FieldEdits, Template, TemplateLine, TemplateValue } from '../../../engine/snapshot.ts'
import { get, head } from '../../support/heads.ts'
import { NO_EDITS } from '../../support/snapshot.ts'
import { feed } from '../http1/feed.ts'
import { ofHead } from '../routing/routed.ts'

type Line = readonly [name: string, value: string]

const SOURCE: RequestSource = {
  listener: 'web',
  client: '192.0.2.1:4000',
  forwarding: createForwarding(false, true, '192.0.2.1', 'http', 8080),
  isTrusted: () => false,
}
const ANSWERED = { status: 201, upstream: 'api', endpoint: '10.0.0.1:80' }

/** Field lines of the upstream request, read back. */
function editedRequest(request: string, edits: FieldEdits): readonly Line[] {
  const { edits: compiled, lines } = compileMessageEdits(edits, 'request', 'users')
  const out = new ByteBuffer(16)
  ofHead(
    request,
    routed => {
      writeRequestHead(out, routed.head, routed.facts, {
        forwarding: SOURCE.forwarding,
        target: null,
        edits: compiled,
        lines: lines === null ? '' : lines.of(routed),
        host: null,
        requestId: routed.requestId,
      })
    },
    { source: SOURCE },
  )
  return readBack(REQUEST, out)
}

/** Field lines of the response to `request`, read back. */
function editedResponse(request: string, answer: string, edits: FieldEdits): readonly Line[] {
  const { edits: compiled, lines } = compileMessageEdits(edits, 'response', 'users')
  const pending = lines === null ? null : ofHead(request, routed => lines.begin(routed), { source: SOURCE })
  const out = new ByteBuffer(16)
  feed(RESPONSE, [Buffer.from(answer, 'latin1')], {
    onHead: (parsedHead, parser) => {
      expect(readResponse(parsedHead, parser)).toBe(true)
      writeResponseHead(out, parsedHead, response, false, pending === null ? '' : pending.finish(ANSWERED), compiled)
    },
  })
  return readBack(RESPONSE, out)
}

/** What the next one on the way reads: a head that is whole and has nothing behind it. */
function readBack(type: number, out: ByteBuffer): readonly Line[] {
  const bytes = out.bytes.subarray(0, out.length)
  const { messages } = feed(type, [bytes], { limits: { fieldLinesMax: 1000 } })
  expect(messages).toHaveLength(1)
  expect(messages[0]).toMatchObject({ error: 0, complete: true, content: '' })
  expect(messages[0]!.head).toBe(bytes.toString('latin1'))
  return messages[0]!.fields
}

const SINGLE = /^x-(?:forwarded-(?:proto|host|port)|request-id)$/i

/** Changes as the documentation has them, one line after the other. `ours` are the lines that the proxy adds. */
function model(lines: readonly Line[], ours: readonly Line[], edits: FieldEdits, read: (template: Template) => string) {
  const renaming = ([name]: Line) => edits.rename.find(([from]) => from === name.toLowerCase())
  const rename = (line: Line): Line => [renaming(line)?.[1] ?? line[0], line[1]]
  const gone = [...edits.remove, ...edits.set.map(([name]) => name.toLowerCase())]
  const made = lines.flatMap(line => renaming(line)?.[1] ?? []).map(name => name.toLowerCase())
  const madeNames = made.filter(name => !gone.includes(name))
  const own = ours.filter(([name]) => !(SINGLE.test(name) && madeNames.includes(name.toLowerCase())))
  let edited = [...lines, ...own].map(rename).filter(([name]) => !edits.remove.includes(name.toLowerCase()))
  for (const [name, template] of edits.set) {
    edited = edited.filter(([called]) => called.toLowerCase() !== name.toLowerCase())
    if (read(template) !== '') edited.push([name, read(template)])
  }
  for (const [name, template] of edits.add) if (read(template) !== '') edited.push([name, read(template)])
  return edited
}

const NAMES = ['X-A', 'x-a', 'X-B', 'X-C', 'Cookie', 'Via', 'X-Request-Id', 'X-Forwarded-For', 'X-Forwarded-Proto']
const name = fc.constantFrom(...NAMES)
const content = fc
  .string({ unit: fc.integer({ min: 0x09, max: 0xff }).map(code => String.fromCharCode(code)), maxLength: 8 })
  .map(text => text.replace(/[\x0a-\x1f\x7f]/g, '').replace(/^[ \t]+|[ \t]+$/g, ''))
/** Whatever may be in a configuration that nobody has checked. */
const anything = fc.string({
  unit: fc.integer({ min: 0, max: 0x200 }).map(code => String.fromCharCode(code)),
  maxLength: 6,
})
const value = fc.constantFrom<TemplateValue>(
  { kind: 'header', name: 'x-a' },
  { kind: 'header', name: 'x-none' },
  { kind: 'cookie', name: 'c' },
  { kind: 'client_ip' },
  { kind: 'status' },
  { kind: 'endpoint' },
  { kind: 'route' },
)
const template = fc.oneof(anything, fc.array(fc.oneof(anything, value), { maxLength: 3 }))
const line: fc.Arbitrary<TemplateLine> = fc.tuple(name, template)
const edits: fc.Arbitrary<FieldEdits> = fc.record({
  rename: fc.uniqueArray(
    fc.tuple(
      name.map(from => from.toLowerCase()),
      name,
    ),
    { maxLength: 3, selector: ([from]) => from },
  ),
  remove: fc.array(
    name.map(removed => removed.toLowerCase()),
    { maxLength: 2 },
  ),
  set: fc.array(line, { maxLength: 3 }),
  add: fc.array(line, { maxLength: 3 }),
})
const fields = fc.array(fc.tuple(name, content), { maxLength: 10 })

/** Texts of the configuration come as UTF-8, and nothing in them ends a line. */
function written(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[\0-\x08\x0a-\x1f\x7f]/g, ' ')
}

function modelTemplate(template: Template, lines: readonly Line[], answered: boolean): string {
  const of = (part: TemplateValue): string => {
    switch (part.kind) {
      case 'header':
        return lines
          .filter(([called]) => called.toLowerCase() === part.name)
          .map(([, text]) => text)
          .join(', ')
      case 'client_ip':
        return '192.0.2.1'
      case 'status':
        return answered ? '201' : ''
      case 'endpoint':
        return answered ? '10.0.0.1:80' : ''
      case 'route':
        return 'users'
      default:
        return ''
    }
  }
  const parts = typeof template === 'string' ? [template] : template
  const text = parts.map(part => (typeof part === 'string' ? written(part) : of(part))).join('')
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

/** Cookies are not what this is about. */
function withoutCookies(lines: readonly Line[]): readonly Line[] {
  return lines.map(([called, text]) => [called, called === 'Cookie' ? text.replaceAll('=', '-') : text])
}

describe('changes to fields, whatever they are and whatever there is', () => {
  it('leave a request as one would by hand', () => {
    fc.assert(
      fc.property(fields, edits, (random, changes) => {
        const lines = withoutCookies(random)
        const request = get('/', ...lines.map(([called, text]) => `${called}: ${text}`))
        const ours: readonly Line[] = [
          ['X-Forwarded-For', '192.0.2.1'],
          ['X-Forwarded-Proto', 'http'],
          ['X-Forwarded-Port', '8080'],
          ['X-Forwarded-Host', 'a.example'],
          ['Via', '1.1 sluice'],
          ['X-Request-Id', 'id-1'],
          ['Forwarded', 'for=192.0.2.1;host=a.example;proto=http'],
        ]
        const passing = lines.filter(([called]) => !/^x-(?:forwarded-|request-id)/i.test(called))
        const client: readonly Line[] = [['Host', 'a.example'], ...passing]
        const expected = model(client, ours, changes, text => modelTemplate(text, lines, false))
        expect(editedRequest(request, changes)).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })

  it('leave a response as one would by hand', () => {
    fc.assert(
      fc.property(fields, fields, edits, (random, answerLines, changes) => {
        const lines = withoutCookies(random)
        const request = get('/', ...lines.map(([called, text]) => `${called}: ${text}`))
        const answer = head(
          'HTTP/1.1 201 Created',
          'Content-Length: 0',
          ...answerLines.map(([called, text]) => `${called}: ${text}`),
        )
        const all: readonly Line[] = [['Content-Length', '0'], ...answerLines]
        const expected = model(all, [], changes, text => modelTemplate(text, lines, true))
        expect(editedResponse(request, answer, changes)).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })
})

describe('changes to fields', () => {
  const status: Template = ['s', { kind: 'status' }]

  it('are bytes that are put together once where nothing in them differs with the request', () => {
    const { edits, lines } = compileMessageEdits(
      { ...NO_EDITS, set: [['X-Route', [{ kind: 'route' }]]], add: [['X-A', 'b']] },
      'response',
      'users',
    )
    expect(lines).toBeNull()
    expect(edits?.lines.toString()).toBe('X-Route: users\r\nX-A: b\r\n')
  })

  it('are none where there are none', () => {
    expect(compileMessageEdits(NO_EDITS, 'request', 'r')).toEqual({ edits: null, lines: null })
  })

  it('of one name in two spellings set the last', () => {
    const changes = {
      ...NO_EDITS,
      set: [
        ['X-A', 'one'],
        ['x-a', status],
      ],
    } as const
    expect(editedResponse(get(), head('HTTP/1.1 200 OK', 'Content-Length: 0'), changes)).toEqual([
      ['Content-Length', '0'],
      ['x-a', 's201'],
    ])
  })

  it('take a field away where what is set comes out empty, and add nothing', () => {
    const empty: Template = [{ kind: 'header', name: 'x-none' }]
    const changes = {
      ...NO_EDITS,
      set: [
        ['X-A', empty],
        ['X-B', ''],
      ],
      add: [
        ['X-C', empty],
        ['X-D', 'd'],
      ],
    } as const
    const request = get('/', 'X-A: 1', 'X-B: 2', 'X-C: 3')
    const names = editedRequest(request, changes).map(([called]) => called)
    expect(names.filter(called => /^X-[A-D]$/.test(called))).toEqual(['X-C', 'X-D'])
  })
})
