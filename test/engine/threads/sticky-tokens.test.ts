import { describe, expect, it } from 'vitest'
import { openTokens } from '../../../engine/threads/sticky-tokens.ts'
import { type TestUpstream, upstreamSnapshot } from '../../support/snapshot.ts'

const SECRET = 'a secret of thirty-two characters'

function sticky(name: string, settings: NonNullable<TestUpstream['sticky']> = { secret: SECRET }) {
  return upstreamSnapshot(name, { endpoints: [], sticky: settings })
}

describe('the values of sticky cookies', () => {
  it('are the same for the same secret, upstream and address, in whatever process, and others for any other', async () => {
    const [first, second] = [sticky('a'), sticky('b')]
    const tokens = (await openTokens([first, second]))!
    const again = (await openTokens([first]))!
    const other = sticky('a', { secret: `${SECRET}!` })
    const all = [
      tokens.of(first, '10.0.0.1:80'),
      tokens.of(first, '10.0.0.2:80'),
      tokens.of(second, '10.0.0.1:80'),
      tokens.of(other, '10.0.0.1:80'),
    ]
    expect(new Set(all).size).toBe(all.length)
    expect(again.of(first, '10.0.0.1:80')).toBe(all[0])
    for (const token of all) expect(token).toMatch(/^[\w-]{22}$/)
    expect(all.join()).not.toContain('10.0.0')
  })

  it('without a secret are of one start only', async () => {
    const upstream = sticky('a', { secret: '' })
    const [first, second] = [(await openTokens([upstream]))!, (await openTokens([upstream]))!]
    expect(first.of(upstream, 'x')).toBe(first.of(upstream, 'x'))
    expect(first.of(upstream, 'x')).not.toBe(second.of(upstream, 'x'))
  })

  it('are none where the cookie is not ours, or there is none', async () => {
    const route = sticky('a', { kind: 'route' })
    const none = upstreamSnapshot('b', { endpoints: [] })
    expect(await openTokens([route, none])).toBeNull()
    const tokens = (await openTokens([route, none, sticky('c')]))!
    expect([tokens.of(route, 'x'), tokens.of(none, 'x')]).toEqual(['', ''])
  })
})
