import { expect, test } from 'vitest'
import { checkFallbacks } from '../../../../src/config/checks/fallbacks.ts'

/** Upstreams that stand in for each other: each by a route to the one that is named. */
function messagesOf(ways: Readonly<Record<string, string>>): string[] {
  const names = new Set([...Object.keys(ways), ...Object.values(ways)])
  const routes = [...names].map(name => ({ name: `to-${name}`, upstream: name }))
  const upstreams = Object.entries(ways).map(([name, other]) => [
    name,
    { circuit_breaker: { fallback: { route: `to-${other}` } } },
  ])
  const messages: string[] = []
  checkFallbacks(Object.fromEntries(upstreams), routes, (_, __, message) => messages.push(message))
  return messages
}

test('fallbacks that end somewhere are accepted, also where several lead to the same', () => {
  expect(messagesOf({ a: 'c', b: 'c', c: 'd' })).toEqual([])
})

test('each upstream of a ring is told its way round, and none that only leads into it', () => {
  expect(messagesOf({ x: 'b', a: 'b', b: 'c', c: 'a' }).toSorted()).toEqual([
    'leads back to the upstream "a": a -> b -> c -> a',
    'leads back to the upstream "b": b -> c -> a -> b',
    'leads back to the upstream "c": c -> a -> b -> c',
  ])
  expect(messagesOf({ a: 'a' })).toEqual(['leads back to the upstream "a": a -> a'])
})

test('a ring of thousands is told in a few words each', () => {
  const count = 20_000
  const names = Array.from({ length: count }, (_, index) => `u${index}`)
  const ways = Object.fromEntries(names.map((name, index) => [name, `u${(index + 1) % count}`]))
  const messages = messagesOf(ways)
  expect(messages).toHaveLength(count)
  expect(messages[7]).toBe(
    'leads back to the upstream "u7": u7 -> u8 -> u9 -> u10 -> u11 -> u12 -> u13 -> u14 -> ... -> u7',
  )
})
