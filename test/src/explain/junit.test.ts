import { describe, expect, test } from 'vitest'
import { junitXml } from '../../../src/explain/junit.ts'

interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Element[]
  text: string
}

/** As much of XML as reports are made of, and nothing that is not well formed. */
function parseXml(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' }
  const open = [root]
  const rest = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '')
  if (rest === xml) throw new Error('no declaration')
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(xml)) throw new Error('no character of XML')
  const decode = (text: string) => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
  for (const [token, close, name = '', attributes = '', self] of rest.matchAll(
    /<(\/?)([a-z]+)((?: [a-z]+="[^"<>]*")*)(\/?)>|[^<]+/g,
  )) {
    const parent = open.at(-1)!
    if (!token.startsWith('<')) parent.text += decode(token)
    else if (close) {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`)
    } else {
      const pairs = [...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key, decode(value!)])
      const element: Element = { name, attributes: Object.fromEntries(pairs), children: [], text: '' }
      parent.children.push(element)
      if (!self) open.push(element)
    }
  }
  if (open.length !== 1 || root.children.length !== 1) throw new Error('not one element')
  return root.children[0]!
}

const SUITES = [
  {
    name: 'a.test.yaml',
    startedAtMs: Date.UTC(2026, 10, 21, 16, 0, 0, 500),
    cases: [
      { name: 'first', seconds: 0.25, failure: null },
      { name: 'second <"&\u0007>', seconds: 0.5, failure: 'route  expected a & b\n       got      <c>' },
    ],
  },
  { name: 'b.test.yaml', startedAtMs: 0, cases: [{ name: 'third', seconds: 0, failure: null }] },
]

describe('a report for CI systems', () => {
  const report = parseXml(junitXml(SUITES))

  test('counts the tests, and those that failed, of all files and of each', () => {
    expect(report).toMatchObject({
      name: 'testsuites',
      attributes: { tests: '3', failures: '1', errors: '0', time: '0.750' },
    })
    expect(report.children.map(({ name, attributes }) => [name, attributes])).toEqual([
      [
        'testsuite',
        {
          name: 'a.test.yaml',
          tests: '2',
          failures: '1',
          errors: '0',
          skipped: '0',
          time: '0.750',
          timestamp: '2026-11-21T16:00:00',
        },
      ],
      ['testsuite', expect.objectContaining({ name: 'b.test.yaml', tests: '1', failures: '0' })],
    ])
  })

  test('names each test with its file, and says of one that failed why', () => {
    const [first, second] = report.children[0]!.children
    expect(first).toMatchObject({
      name: 'testcase',
      attributes: { name: 'first', classname: 'a.test.yaml', file: 'a.test.yaml', time: '0.250' },
      children: [],
    })
    expect(second?.attributes.name).toBe('second <"&>')
    const [failure] = second!.children
    expect(failure).toMatchObject({
      name: 'failure',
      attributes: { type: 'expectation', message: 'route  expected a & b' },
      text: 'route  expected a & b\n       got      <c>',
    })
  })
})
