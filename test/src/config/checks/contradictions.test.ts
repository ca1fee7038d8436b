import { expect, test } from 'vitest'
import type { Condition } from '../../../../engine/snapshot.ts'
import { contradictionIn } from '../../../../src/config/checks/contradictions.ts'

const header = (name: string, text: string): Condition => ({ kind: 'header', name, test: { kind: 'exact', text } })
const absent: Condition = { kind: 'cookie', name: 'sid', test: { kind: 'absent' } }
const cookie = (text: string): Condition => ({ kind: 'cookie', name: 'sid', test: { kind: 'exact', text } })
const method = (...methods: string[]): Condition => ({ kind: 'method', methods })

function contradiction(...conditions: Condition[]): string | null {
  return contradictionIn({ listeners: null, hosts: null, path: { kind: 'prefix', path: '/' }, conditions })
}

test('what cannot be at once is found, also inside of "all"', () => {
  expect(contradiction(header('a', '1'), { kind: 'all', conditions: [header('a', '2')] })).toContain('the header "a"')
  expect(contradiction(absent, cookie('x'))).toContain('must not be')
  expect(contradiction(method('GET', 'HEAD'), method('POST'))).toContain('no method')
  expect(contradiction(header('a', '1'), { kind: 'not', condition: header('a', '1') })).toContain('"not"')
})

test('what can be at once is left alone', () => {
  expect(contradiction()).toBe(null)
  expect(contradiction(header('a', '1'), header('b', '2'), header('a', '1'))).toBe(null)
  // A cookie may come twice.
  expect(contradiction(cookie('x'), cookie('y'))).toBe(null)
  expect(contradiction(method('GET', 'POST'), method('POST'))).toBe(null)
  expect(contradiction({ kind: 'any', conditions: [header('a', '1'), header('a', '2')] })).toBe(null)
  const both: Condition = { kind: 'all', conditions: [header('a', '1'), header('b', '2')] }
  expect(contradiction(header('a', '1'), { kind: 'not', condition: both })).toBe(null)
})
