import { describe, expect, it } from 'vitest'
import { Split, type SplitAction, type SplitChoice } from '../../../engine/exchange/split.ts'
import { createForwarding } from '../../../engine/http/head-writer.ts'
import { NOBODY, type RequestSource } from '../../../engine/routing/request.ts'
import type { Condition, HashKeySource } from '../../../engine/snapshot.ts'
import { Dice } from '../../../engine/upstream/balancers/dice.ts'
import { hashOf } from '../../../engine/upstream/balancers/key-hash.ts'
import { ofRequest } from '../routing/request-head.ts'

interface Part {
  readonly weight: number
  readonly when?: readonly Condition[]
}

/** A split whose targets are called by their places. `roll` is fair and the same every time. */
function splitOf(parts: readonly (number | Part)[], by: HashKeySource | null = null, roll = seeded()): Split<string> {
  const targets = parts.map((part, upstream) => {
    const { weight, when = null } = typeof part === 'number' ? { weight: part } : part
    return { upstream, weight, when }
  })
  const action: SplitAction = { kind: 'split', targets, by }
  return new Split(action, upstream => 'abcdefgh'[upstream] as string, roll)
}

function seeded(): () => number {
  const dice = new Dice(2026)
  return () => dice.roll()
}

const COOKIE: HashKeySource = { kind: 'cookie', name: 'user' }
const CANARY: Condition = { kind: 'header', name: 'x-canary', test: { kind: 'exact', text: 'yes' } }
const BETA: Condition = { kind: 'cookie', name: 'beta', test: { kind: 'present' } }

function choose(split: Split<string>, fields: readonly string[] = [], target = '/'): SplitChoice<string> {
  return ofRequest(target, fields, request => split.choose(request))
}

/** The targets of the users 0 to `count`, by their cookie. */
function groups(split: Split<string>, count: number): string[] {
  return Array.from({ length: count }, (_, user) => choose(split, [`Cookie: user=u-${user}`]).target)
}

/** How far counts are from the shares of `weights`; for three targets 13.8 is passed once in a thousand. */
function chiSquare(chosen: readonly string[], weights: readonly number[]): number {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.reduce((total, weight, place) => {
    const expected = (chosen.length * weight) / sum
    const count = chosen.filter(target => target === 'abcdefgh'[place]).length
    return total + (count - expected) ** 2 / expected
  }, 0)
}

describe('a split by chance', () => {
  it('gives each target its share of 100,000 requests', () => {
    const split = splitOf([70, 20, 10])
    const chosen = ofRequest('/', [], request => Array.from({ length: 100_000 }, () => split.choose(request).target))
    expect(chiSquare(chosen, [70, 20, 10])).toBeLessThan(13.8)
  })

  it('says that it was chance, and where the target stands', () => {
    expect(choose(splitOf([1, 1], null, () => 0.5))).toEqual({ target: 'b', place: 1, reason: 'chance' })
  })

  it.each([
    [0, 'a'],
    [0.099, 'a'],
    [0.1, 'c'],
    [0.999_999_999, 'c'],
  ])('lays the shares one behind the other, and none for a weight of 0: %d', (place, target) => {
    expect(choose(splitOf([1, 0, 9], null, () => place)).target).toBe(target)
  })
})

describe('a split by a key', () => {
  it('gives each target its share of 100,000 keys', () => {
    expect(chiSquare(groups(splitOf([70, 20, 10], COOKIE), 100_000), [70, 20, 10])).toBeLessThan(13.8)
  })

  it('gives equal keys the same target, in every process and whatever chance says', () => {
    const chosen = groups(splitOf([1, 1, 1], COOKIE), 40)
    expect(groups(splitOf([1, 1, 1], COOKIE, Math.random), 40)).toEqual(chosen)
    expect(chosen.join('')).toBe('ccbbbcaacaaabcbbaabcabcbcbbbaaccccacbabc')
  })

  it('moves no one but those who come into the share that grows', () => {
    const before = groups(splitOf([95, 5], COOKIE), 20_000)
    const after = groups(splitOf([80, 20], COOKIE), 20_000)
    const moved = before.filter((target, user) => target !== after[user])
    expect(moved.every(target => target === 'a')).toBe(true)
    expect(moved.length / before.length).toBeCloseTo(0.15, 2)
  })

  it('moves only neighbours where the share in the middle grows', () => {
    const before = groups(splitOf([40, 20, 40], COOKIE), 20_000)
    const after = groups(splitOf([40, 30, 30], COOKIE), 20_000)
    const moves = new Set(before.map((target, user) => target + after[user]))
    expect([...moves].sort()).toEqual(['aa', 'bb', 'cb', 'cc'])
  })

  it('leaves a request without the key to chance', () => {
    const split = splitOf([1, 1], COOKIE, () => 0.7)
    expect(choose(split)).toMatchObject({ target: 'b', reason: 'chance' })
    expect(choose(split, ['Cookie: user='])).toMatchObject({ reason: 'chance' })
    expect(choose(split, ['Cookie: user=ann'])).toMatchObject({ reason: 'key' })
  })

  it.each<[HashKeySource, string, string[]]>([
    [{ kind: 'header', name: 'x-user' }, '/', ['X-User: ann']],
    [{ kind: 'cookie', name: 'user' }, '/', ['Cookie: a=b; user=ann']],
    [{ kind: 'query', name: 'user' }, '/?user=ann', []],
    [{ kind: 'path' }, 'ann', []],
  ])('takes the same key the same way wherever it stands: $0.kind', (by, target, fields) => {
    const path = by.kind === 'path' ? '/ann' : target
    const expected = ofRequest('/', ['X-User: ann'], request =>
      splitOf([1, 1, 1], { kind: 'header', name: 'x-user' }).choose(request),
    )
    const choice = choose(splitOf([1, 1, 1], by), fields, path)
    expect(choice.reason).toBe('key')
    if (by.kind !== 'path') expect(choice.target).toBe(expected.target)
  })

  it('goes by the client that a trusted proxy tells', () => {
    const source: RequestSource = {
      ...NOBODY,
      forwarding: createForwarding(true, false, '10.0.0.1', 'http', 80),
      isTrusted: address => address === '10.0.0.1',
    }
    const split = splitOf([1, 1, 1, 1, 1, 1], { kind: 'client_ip' })
    const targets = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5'].map(client =>
      ofRequest('/', [`X-Forwarded-For: ${client}`], request => split.choose(request).target, source),
    )
    expect(new Set(targets).size).toBeGreaterThan(2)
  })

  it('has nothing to do with how a balancer spreads the same key behind it', () => {
    const target = groups(splitOf([1, 1], COOKIE), 10_000)
    const ofA = target.flatMap((name, user) => (name === 'a' ? [`u-${user}`] : []))
    const inUpperHalf = ofA.filter(key => hashOf(key, 0) >>> 0 >= 2 ** 31)
    expect(inUpperHalf.length / ofA.length).toBeCloseTo(0.5, 1)
  })
})

describe('a split with conditions', () => {
  const parts = [{ weight: 100 }, { weight: 0, when: [CANARY] }, { weight: 0, when: [CANARY, BETA] }]

  it('gives a request for which they hold to the first such target, whatever the weights say', () => {
    expect(choose(splitOf(parts), ['X-Canary: yes'])).toEqual({ target: 'b', place: 1, reason: 'when' })
    expect(choose(splitOf(parts), ['X-Canary: yes', 'Cookie: beta=1']).target).toBe('b')
    expect(choose(splitOf(parts.toReversed()), ['X-Canary: yes', 'Cookie: beta=1']).target).toBe('a')
  })

  it('asks for all conditions of a target', () => {
    const split = splitOf([{ weight: 1 }, { weight: 0, when: [CANARY, BETA] }])
    expect(choose(split, ['X-Canary: yes']).target).toBe('a')
    expect(choose(split, ['X-Canary: yes', 'Cookie: beta=1']).target).toBe('b')
  })

  it('gives all others by the weights of all targets', () => {
    const split = splitOf([{ weight: 1 }, { weight: 1, when: [CANARY] }], null, () => 0.9)
    expect(choose(split)).toMatchObject({ target: 'b', reason: 'chance' })
  })

  it('goes before the key', () => {
    const split = splitOf([{ weight: 1 }, { weight: 0, when: [CANARY] }], COOKIE)
    expect(choose(split, ['X-Canary: yes', 'Cookie: user=ann']).reason).toBe('when')
    expect(choose(split, ['Cookie: user=ann']).reason).toBe('key')
  })
})

it('tells its targets in their order', () => {
  expect(splitOf([1, 2, 3]).targets).toEqual(['a', 'b', 'c'])
})
