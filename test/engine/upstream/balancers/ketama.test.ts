import { describe, expect, it } from 'vitest'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { Ketama } from '../../../../engine/upstream/balancers/ketama.ts'
import { KetamaRing } from '../../../../engine/upstream/balancers/ketama-ring.ts'
import { countsOf, excluding, picks, Scene, serverAt } from './scene.ts'

const KEYS: readonly string[] = Array.from({ length: 50_000 }, (_, index) => `session-${index}`)

function chosen(scene: Scene, excluded: Uint8Array | null = null): number[] {
  const balancer = new Ketama(scene.members)
  return KEYS.map(key => balancer.pick(key, excluded, 0))
}

const equal = (count: number): number[] => new Array<number>(count).fill(1)

/** Points of a ring, and how many of them each server has. */
function pointsOf(weights: readonly number[]): { length: number; counts: number[] } {
  const ring = new KetamaRing(weights.map(serverOf), weights)
  const counts = new Array<number>(weights.length).fill(0)
  let [point, length] = [0, 0]
  do {
    counts[ring.ownerOf(point)]! += 1
    length += 1
    point = ring.after(point)
  } while (point !== 0)
  return { length, counts }
}

const serverOf = (_: number, place: number): string => serverAt(place)

describe('a ring', () => {
  it('has 160 points for each unit of weight, but for the few that several servers would have', () => {
    const { counts } = pointsOf([1, 2, 50])
    for (const [place, weight] of [1, 2, 50].entries()) expect(Math.abs(counts[place]! - 160 * weight)).toBeLessThan(5)
  })

  it('has no more than two million points, shared by weight, however heavy its servers are', () => {
    const { length, counts } = pointsOf([65_535, 65_535, 13_107, 1])
    expect(length).toBeLessThanOrEqual(2 ** 21)
    expect(length).toBeGreaterThan(2 ** 20)
    expect(Math.abs(counts[0]! / counts[1]! - 1)).toBeLessThan(0.001)
    expect(Math.abs(counts[0]! / counts[2]! - 5)).toBeLessThan(0.01)
    expect(counts[3]).toBeGreaterThan(0)
  })

  it('leaves every server a point', () => {
    const { counts } = pointsOf([...new Array<number>(400).fill(65_535), 1])
    expect(counts[400]).toBeGreaterThan(0)
  })
})

describe('hash', () => {
  it('spreads keys by weight, as evenly as 160 points for each unit do: a standard deviation of a twelfth', () => {
    const weights = Array.from({ length: 40 }, (_, place) => 1 + (place % 4))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const shares = countsOf(chosen(new Scene(weights)), 40).map((count, place) => {
      return (count * sum) / (KEYS.length * weights[place]!) - 1
    })
    const deviation = Math.sqrt(shares.reduce((total, share) => total + share ** 2, 0) / shares.length)
    expect(deviation).toBeLessThan(1 / Math.sqrt(160) + 0.02)
    for (const share of shares) expect(Math.abs(share)).toBeLessThan(4 / Math.sqrt(160))
  })

  it('moves the keys of a server that goes, and no others', () => {
    const before = chosen(new Scene(equal(10)))
    const servers = Array.from({ length: 10 }, (_, place) => serverAt(place)).toSpliced(4, 1)
    const after = chosen(new Scene(equal(9), { servers })).map(place => (place >= 4 ? place + 1 : place))
    let moved = 0
    for (const [index, place] of before.entries()) {
      if (place === after[index]) continue
      expect(place).toBe(4)
      moved += 1
    }
    expect(moved).toBe(countsOf(before, 10)[4])
    expect(Math.abs(moved / KEYS.length - 0.1)).toBeLessThan(0.04)
    const heirs = countsOf(
      after.filter((_, index) => before[index] === 4),
      10,
    )
    expect(Math.max(...heirs)).toBeLessThan(moved / 2)
  })

  it('moves keys to the same members whether theirs is gone, down or tried already', () => {
    const down = new Scene(equal(10))
    down.admit(place => place !== 4)
    const servers = Array.from({ length: 10 }, (_, place) => serverAt(place)).toSpliced(4, 1)
    const gone = chosen(new Scene(equal(9), { servers })).map(place => (place >= 4 ? place + 1 : place))
    expect(chosen(down)).toEqual(gone)
    expect(chosen(new Scene(equal(10)), excluding(10, [4]))).toEqual(gone)
  })

  it('does not depend on the order of the servers', () => {
    const weights = [1, 2, 3, 4, 5]
    const servers = weights.map(weight => `10.0.0.${weight}:80`)
    const there = chosen(new Scene(weights, { servers }))
    const back = chosen(new Scene(weights.toReversed(), { servers: servers.toReversed() }))
    expect(back.map(place => 4 - place)).toEqual(there)
  })

  it('gives a name of several addresses one place on the ring, and its addresses turns by weight', () => {
    const servers = ['api.internal:80', 'api.internal:80', 'api.internal:80', '10.0.0.9:80']
    const scene = new Scene([2, 2, 2, 2], { servers })
    const balancer = new Ketama(scene.members)
    const key = KEYS.find(candidate => balancer.pick(candidate, null, 0) !== 3)!
    const places = Array.from({ length: 30 }, () => balancer.pick(key, null, 0))
    expect(countsOf(places, 4)).toEqual([10, 10, 10, 0])
    scene.admit(place => place !== 1)
    const left = countsOf(
      Array.from({ length: 30 }, () => balancer.pick(key, null, 0)),
      4,
    )
    expect([left[1], left[3]]).toEqual([0, 0])
    expect(Math.abs(left[0]! - 15)).toBeLessThan(2)
    const names = chosen(scene).filter(place => place !== 3).length
    expect(Math.abs(names / KEYS.length - 0.5)).toBeLessThan(0.1)
  })

  it('takes turns for requests without a key', () => {
    expect(picks(new Ketama(new Scene([2, 1, 1]).members), 4)).toEqual([0, 1, 2, 0])
  })

  it('takes turns between what is left where none of the next points leads to it', () => {
    const balancer = new Ketama(new Scene([400, 400, 1, 1]).members)
    const places = Array.from({ length: 200 }, () => balancer.pick('a key', excluding(4, [0, 1]), 0))
    expect(countsOf(places, 4)).toEqual([0, 0, 100, 100])
  })

  it('has no key fall through the ends of the ring', () => {
    const dice = new Dice(1)
    const balancer = new Ketama(new Scene([1]).members)
    for (let count = 0; count < 5000; count += 1) expect(balancer.pick(`${dice.roll()}`, null, 0)).toBe(0)
  })
})
