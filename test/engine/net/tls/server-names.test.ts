import { describe, expect, it } from 'vitest'
import { certificatesByName, ServerNames } from '../../../../engine/net/tls/server-names.ts'
import { certificateSnapshot } from '../../../support/tls.ts'

function named(...names: string[]): ServerNames<string> {
  const table = new ServerNames<string>()
  for (const name of names) table.set(name, name)
  return table
}

describe('a server name', () => {
  it.each([
    ['example.com', 'example.com'],
    ['EXAMPLE.com', 'example.com'],
    ['example.com.', 'example.com'],
    ['a.example.com', '*.example.com'],
    ['exact.example.com', 'exact.example.com'],
    ['a.b.example.com', null],
    ['example.org', null],
    ['.example.com', null],
    ['com', null],
    ['', null],
    ['xn--bcher-kva.example.com', '*.example.com'],
  ])('%j finds %j', (name, found) => {
    expect(named('example.com', '*.example.com', 'exact.example.com').find(name)).toBe(found)
  })
})

describe('certificates of one name', () => {
  const certificate = (key: string, keyType: 'rsa' | 'ecdsa', ...names: string[]) =>
    certificateSnapshot({ chain: key, key }, names, { keyType })

  it('stand side by side where they are of different kinds; of each kind the first counts', () => {
    const all = [
      certificate('rsa 1', 'rsa', 'a.example', 'b.example'),
      certificate('ecdsa', 'ecdsa', 'a.example'),
      certificate('rsa 2', 'rsa', 'a.example', 'c.example'),
    ]
    const keys = Object.fromEntries([...certificatesByName(all)].map(([name, those]) => [name, those.map(c => c.key)]))
    expect(keys).toEqual({ 'a.example': ['rsa 1', 'ecdsa'], 'b.example': ['rsa 1'], 'c.example': ['rsa 2'] })
  })
})
