import { describe, expect, it } from 'vitest'
import { NO_MESSAGE_EDITS } from '../../../engine/exchange/answer.ts'
import { type ErrorPage, ErrorPages, namesRoute } from '../../../engine/exchange/error-pages.ts'
import { unreadRequest } from '../../../engine/exchange/kept-request.ts'
import { compileMessageEdits, type MessageEdits } from '../../../engine/rewriting/message-edits.ts'
import { NOBODY } from '../../../engine/routing/request.ts'
import type { ErrorPageSnapshot, FieldLine, Template } from '../../../engine/snapshot.ts'
import { NO_EDITS } from '../../support/snapshot.ts'
import { ofRequest } from '../routing/request-head.ts'

function page(content: Template, more: Partial<ErrorPageSnapshot> = {}): ErrorPageSnapshot {
  return { statuses: [[400, 599]], intercepts: false, status: 0, fields: [], content, ...more }
}

function pagesOf(...pages: readonly ErrorPageSnapshot[]): ErrorPages {
  return ErrorPages.of(pages, 'api') as ErrorPages
}

interface Written {
  readonly head: string
  readonly content: string
}

function answerOf(
  found: ErrorPage | null,
  status: number,
  fields: readonly FieldLine[] = [],
  changes: MessageEdits = NO_MESSAGE_EDITS,
): Written {
  if (found === null) throw new Error('there is no page')
  const values = { status: found.statusFor(status), upstream: 'up', endpoint: '10.0.0.1:80' }
  const answer = ofRequest('/a?q=<b>', ['X-Name: "a" & <b>\xe4'], request =>
    found.answer(request, values, fields, changes),
  )
  return { head: answer.head.toString('latin1'), content: answer.content.toString() }
}

const name = { kind: 'header', name: 'x-name' } as const
const typed = (type: string): Partial<ErrorPageSnapshot> => ({ fields: [['content-type', type]] })

describe('the page of a status', () => {
  it('is the first that has it', () => {
    const pages = pagesOf(
      page('gone', { statuses: [[410, 410]] }),
      page('client', { statuses: [[400, 499]] }),
      page('any'),
    )
    const contents = [410, 404, 499, 500].map(status => answerOf(pages.ownOf(status), status).content)
    expect(contents).toEqual(['gone', 'client', 'client', 'any'])
  })

  it('is none where no page has it', () => {
    const pages = pagesOf(
      page('x', {
        statuses: [
          [502, 502],
          [504, 504],
        ],
      }),
    )
    expect([501, 502, 503, 504, 505].map(status => pages.ownOf(status) !== null)).toEqual([
      false,
      true,
      false,
      true,
      false,
    ])
    expect(ErrorPages.of([], 'api')).toBe(null)
  })

  it("is for the upstream's responses where it says so", () => {
    const pages = pagesOf(page('own'), page('both', { intercepts: true, statuses: [[500, 599]] }))
    expect(pages.intercepts).toBe(true)
    expect(pages.interceptingOf(404)).toBe(null)
    expect(answerOf(pages.interceptingOf(500), 500).content).toBe('both')
    expect(answerOf(pages.ownOf(500), 500).content).toBe('own')
    expect(pagesOf(page('own')).intercepts).toBe(false)
  })

  it('never takes the place of a response that can have no content', () => {
    const pages = pagesOf(page('x', { intercepts: true, statuses: [[200, 599]] }))
    expect([200, 204, 304].map(status => pages.interceptingOf(status) !== null)).toEqual([true, false, false])
  })
})

describe('a page', () => {
  it('has the status of the error, or its own', () => {
    expect(answerOf(pagesOf(page('x')).ownOf(502), 502).head).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/)
    const replaced = pagesOf(page([{ kind: 'status' }], { status: 503 })).ownOf(502)
    expect(answerOf(replaced, 502)).toMatchObject({ content: '503', head: expect.stringMatching(/^HTTP\/1\.1 503 /) })
  })

  it('counts the bytes of its content, which is UTF-8', () => {
    const { head, content } = answerOf(pagesOf(page('größer €')).ownOf(500), 500)
    expect(content).toBe('größer €')
    expect(head).toContain('Content-Length: 12\r\n')
  })

  it('is plain text unless it says what it is', () => {
    expect(answerOf(pagesOf(page('x')).ownOf(500), 500).head).toContain('Content-Type: text/plain; charset=utf-8\r\n')
    expect(answerOf(pagesOf(page('x', typed('text/html'))).ownOf(500), 500).head).toContain(
      'content-type: text/html\r\n',
    )
    expect(answerOf(pagesOf(page('')).ownOf(500), 500).head).not.toMatch(/content-type/i)
  })

  it('keeps the fields of the error that it does not set itself', () => {
    const pages = pagesOf(page('x', { fields: [['retry-after', '60']] }))
    const { head } = answerOf(pages.ownOf(503), 503, [
      ['Retry-After', '5'],
      ['WWW-Authenticate', 'Basic'],
    ])
    expect(head).toContain('retry-after: 60\r\n')
    expect(head).not.toContain('Retry-After: 5\r\n')
    expect(head).toContain('WWW-Authenticate: Basic\r\n')
  })

  it("has the route's changes to the response", () => {
    const changes = compileMessageEdits({ ...NO_EDITS, remove: ['x-a'], set: [['X-B', 'b']] }, 'response', 'api')
    const found = pagesOf(page('x', { fields: [['X-A', 'a']] })).ownOf(500)
    const { head } = answerOf(found, 500, [], changes)
    expect(head).toContain('X-B: b\r\n')
    expect(head).not.toContain('X-A')
  })
})

it('says whether pages name the route that they are for', () => {
  expect([page('x'), page([{ kind: 'status' }]), page(['in ', { kind: 'route' }])].map(namesRoute)).toEqual([
    false,
    false,
    true,
  ])
})

describe('values in a page', () => {
  it.each([
    ['text/html', '<p>&#34;a&#34; &#38; &#60;b&#62;\xe4</p>'],
    ['application/xhtml+xml', '<p>&#34;a&#34; &#38; &#60;b&#62;\xe4</p>'],
    ['image/svg+xml', '<p>&#34;a&#34; &#38; &#60;b&#62;\xe4</p>'],
    ['application/json', '<p>\\u0022a\\u0022 \\u0026 \\u003cb\\u003e\\u00e4</p>'],
    ['application/problem+json', '<p>\\u0022a\\u0022 \\u0026 \\u003cb\\u003e\\u00e4</p>'],
    ['text/javascript', '<p>\\u0022a\\u0022 \\u0026 \\u003cb\\u003e\\u00e4</p>'],
    ['text/plain', '<p>"a" & <b>\xe4</p>'],
  ])('cannot break what it is written in: %s', (type, content) => {
    const found = pagesOf(page(['<p>', name, '</p>'], typed(type))).ownOf(500) as ErrorPage
    const values = { status: 500, upstream: '', endpoint: '' }
    const answer = ofRequest('/', ['X-Name: "a" & <b>\xe4'], request =>
      found.answer(request, values, [], NO_MESSAGE_EDITS),
    )
    expect(answer.content.toString('latin1')).toBe(content)
  })

  it('make JSON that parsers give back as it was', () => {
    const quoted = ['{"name":"', name, '"}']
    const { content } = answerOf(pagesOf(page(quoted, typed('application/json'))).ownOf(500), 500)
    expect(JSON.parse(content)).toEqual({ name: '"a" & <b>\xe4' })
  })

  it('come of the answer, too', () => {
    const content = [
      { kind: 'status' },
      ' ',
      { kind: 'upstream' },
      ' ',
      { kind: 'endpoint' },
      ' ',
      { kind: 'route' },
    ] as const
    expect(answerOf(pagesOf(page(content)).ownOf(502), 502).content).toBe('502 up 10.0.0.1:80 api')
  })

  it('are empty where the request could not be read, but for those that are known without it', () => {
    const kinds = ['request_id', 'method', 'path', 'query', 'host', 'client_ip', 'time'] as const
    const content = kinds.flatMap(kind => [{ kind }, '|'] as const)
    const found = pagesOf(page(content)).ownOf(400) as ErrorPage
    const request = unreadRequest({ ...NOBODY, forwarding: { ...NOBODY.forwarding, client: '192.0.2.1' } }, 'id-7', 0)
    const answer = found.answer(request, { status: 400, upstream: '', endpoint: '' }, [], NO_MESSAGE_EDITS)
    expect(answer.content.toString()).toBe('id-7|||||192.0.2.1|1970-01-01T00:00:00.000Z|')
  })
})

describe('pages whose text needs the head of the request', () => {
  it.each([
    ['plain', false],
    [[{ kind: 'request_id' }, ' ', { kind: 'status' }, ' ', { kind: 'time' }], false],
    [[{ kind: 'path' }], true],
    [[name], true],
    [[{ kind: 'client_ip' }], true],
  ] as const)('say so: %j', (content, reads) => {
    expect(pagesOf(page(content)).readsRequest).toBe(reads)
  })
})
