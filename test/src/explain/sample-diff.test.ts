import { describe, expect, test } from 'vitest'
import { Explainer } from '../../../engine/explain/explain.ts'
import { stateAtRest } from '../../../engine/explain/state.ts'
import { parseConfiguration } from '../../../src/config/load.ts'
import { SampleComparison, type SampleDiff } from '../../../src/explain/sample-diff.ts'

const BASE = `
listeners: { web: { address: ":80" } }
upstreams:
  api: { endpoints: [{ address: 10.0.0.1:80 }, { address: 10.0.0.2:80 }] }
  next: { endpoints: [{ address: 10.0.1.1:80 }] }
routes:
  - { name: users, match: { path: "/v1/users/{id}" }, upstream: api }
  - { name: orders, match: { path: /v1/orders/* }, upstream: api }
  - { name: old, match: { path: /old }, redirect: { to: /new } }
  - { name: any, match: { path: /any }, split: [{ upstream: api, weight: 1 }, { upstream: next, weight: 1 }] }
`

async function compare(after: string, lines: readonly string[]): Promise<SampleDiff> {
  const explainers = await Promise.all(
    [BASE, after].map(yaml => Explainer.open(stateAtRest(parseConfiguration(yaml, 'sluice.yaml').snapshot))),
  )
  const comparison = new SampleComparison(explainers[0]!, explainers[1]!, 'localhost')
  for (const line of lines) comparison.add(line)
  for (const explainer of explainers) explainer.close()
  return comparison.result()
}

describe('requests that go elsewhere', () => {
  test('are none where nothing has changed, chance and rounds left aside', async () => {
    const lines = [
      'http://a/v1/users/7',
      'http://a/any',
      'http://a/any',
      'http://a/old',
      'http://a/none',
      'http://a/%00',
    ]
    expect(await compare(BASE, lines)).toEqual({ total: 6, changed: 0, changes: [], wrong: 0, wrongLines: [] })
  })

  test('are put together by where they went and where they go, the most frequent first, with examples', async () => {
    const after = BASE.replace('"/v1/users/{id}" }, upstream: api', '"/v1/users/{id}" }, upstream: next').replace(
      'match: { path: /v1/orders/* }, upstream: api',
      'match: { path: /v1/orders/*, method: POST }, upstream: api',
    )
    const users = Array.from({ length: 7 }, (_, index) => `http://a/v1/users/${index}`)
    const { total, changed, changes } = await compare(after, [
      'http://a/v1/orders/1',
      ...users,
      'POST http://a/v1/orders/1',
      'http://a/v1/orders/1',
    ])
    expect({ total, changed }).toEqual({ total: 10, changed: 9 })
    expect(changes).toEqual([
      {
        before: 'users -> api',
        after: 'users -> next',
        count: 7,
        examples: [0, 1, 2].map(id => ({
          request: `GET http://a/v1/users/${id}`,
          before: `/v1/users/${id} at a`,
          after: `/v1/users/${id} at a`,
        })),
      },
      {
        before: 'orders -> api',
        after: '404 no_route',
        count: 2,
        examples: [{ request: 'GET http://a/v1/orders/1', before: '/v1/orders/1 at a', after: '' }],
      },
    ])
  })

  test.each([
    ['another path', '"/v1/users/{id}" },', '"/v1/users/{id}" }, rewrite: { path: "/u/{id}" },', 'http://a/v1/users/7'],
    ['another host', '"/v1/users/{id}" },', '"/v1/users/{id}" }, rewrite: { host: upstream },', 'http://a/v1/users/7'],
    ['another place', 'to: /new', 'to: /newer', 'http://a/old'],
    ['other chances', 'next, weight: 1', 'next, weight: 0', 'http://a/any'],
  ])('are those that come to %s', async (_, from, to, request) => {
    expect((await compare(BASE.replace(from, to), [request])).changed).toBe(1)
  })

  test('are looked at without a word about lines that are none, but for the first few', async () => {
    const { total, wrong, wrongLines } = await compare(BASE, ['', '# x', 'http://a/', ...Array(50).fill('hello')])
    expect({ total, wrong }).toEqual({ total: 1, wrong: 50 })
    expect(wrongLines).toHaveLength(10)
    expect(wrongLines[0]).toEqual({ line: 4, reason: 'neither METHOD URL nor a line of an access log' })
  })

  test('of a log are asked about once each, as long as it repeats itself', async () => {
    const answer = { ...(await explanationOf('http://a/v1/users/7')) }
    const asked: string[] = []
    const oracle = {
      explain: ({ target }: { readonly target: string }) => {
        asked.push(target)
        return answer
      },
    }
    const comparison = new SampleComparison(oracle, oracle, 'localhost')
    for (let line = 0; line < 100_000; line += 1) comparison.add(`http://a/${line % 10}`)
    expect(comparison.result().total).toBe(100_000)
    expect(asked).toHaveLength(20)
  })

  test('of a log that never repeats itself are forgotten again', async () => {
    const answer = await explanationOf('http://a/v1/users/7')
    let asked = 0
    const oracle = {
      explain: () => {
        asked += 1
        return answer
      },
    }
    const comparison = new SampleComparison(oracle, oracle, 'localhost')
    for (let line = 0; line < 20_001; line += 1) comparison.add(`http://a/${line}`)
    comparison.add('http://a/0')
    expect(asked).toBe(2 * 20_002)
  })
})

async function explanationOf(url: string) {
  const explainer = await Explainer.open(stateAtRest(parseConfiguration(BASE, 'sluice.yaml').snapshot))
  try {
    const { pathname } = new URL(url)
    return explainer.explain({
      method: 'GET',
      scheme: 'http',
      authority: 'a',
      target: pathname,
      fields: [],
      from: '127.0.0.1',
      listener: '',
      certificate: null,
    })
  } finally {
    explainer.close()
  }
}
