import { describe, expect, it } from 'vitest'
import type { StickySnapshot } from '../../../engine/snapshot.ts'
import type { Endpoint } from '../../../engine/upstream/endpoint.ts'
import { Sticky } from '../../../engine/upstream/sticky.ts'

const SETTINGS: StickySnapshot = { cookie: 'sid', kind: 'own', ttlMs: 0, secret: '', attributes: '; Path=/' }

function endpoint(name: string, token: string, route = ''): Endpoint {
  return { name, token, route } as Endpoint
}

describe('a cookie of our own', () => {
  const [a, b] = [endpoint('a', 'TOKEN-A'), endpoint('b', 'TOKEN-B')]
  const sticky = new Sticky(SETTINGS, [a, b, endpoint('c', '')])

  it('leads to the endpoint that has its value for a token, and nowhere else', () => {
    expect([sticky.find('TOKEN-A'), sticky.find('TOKEN-B')]).toEqual([a, b])
    for (const value of ['', 'TOKEN-C', 'token-a', 'TOKEN-A ', 'x.TOKEN-A', 'constructor', '__proto__']) {
      expect(sticky.find(value)).toBe(null)
    }
  })

  it('is one line, with its attributes', () => {
    expect(sticky.cookieLine(a)).toBe('Set-Cookie: sid=TOKEN-A; Path=/\r\n')
    expect(sticky.cookieLine(endpoint('c', ''))).toBe('')
  })
})

describe('a cookie of the origins', () => {
  const [a, b] = [endpoint('a', '', 'one'), endpoint('b', '', 'two')]
  const sticky = new Sticky({ ...SETTINGS, kind: 'route', cookie: 'JSESSIONID' }, [a, b, endpoint('c', '')])

  it('leads to the endpoint whose route it ends in', () => {
    for (const value of ['two', 'x.two', 'x.one.two', '.two']) expect(sticky.find(value)).toBe(b)
    for (const value of ['', 'x', 'x.', 'two.x', 'xtwo', 'x.TWO']) expect(sticky.find(value)).toBe(null)
  })

  it('is set by nobody but them', () => {
    expect(sticky.cookieLine(a)).toBe('')
  })
})
