import { expect, test } from 'vitest'
import { editDistance, nearest } from '../../../src/config/suggest.ts'

test.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
  ['wieght', 'weight', 1],
  ['retires', 'retries', 1],
])('from %j to %j it takes %i edits', (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance)
  expect(editDistance(to, from)).toBe(distance)
})

test('the nearest candidate is suggested, and none when all are far', () => {
  expect(nearest('listner', ['log', 'listeners', 'routes'])).toBe('listeners')
  expect(nearest('shutdownGrace', ['shutdown_grace', 'workers'])).toBe('shutdown_grace')
  expect(nearest('zebra', ['log', 'listeners', 'routes'])).toBeNull()
  expect(nearest('anything', [])).toBeNull()
})

test('a key as long as a novel is compared at once', () => {
  expect(nearest('x'.repeat(1_000_000), ['listeners'])).toBeNull()
})
