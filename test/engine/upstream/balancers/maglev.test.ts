import { describe, expect, it } from 'vitest'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { Maglev } from '../../../../engine/upstream/balancers/maglev.ts'
import { maglevTable } from '../../../../engine/upstream/balancers/maglev-table.ts'
import { countsOf, excluding, picks, Scene, serverAt } from './scene.ts'
import { simulate } from './simulation.ts'

const KEYS: readonly string[] = Array.from({ length: 50_000 }, (_, index) => `session-${index}`)

function maglev({ members, loads }: Scene): Maglev {
  return new Maglev(members, loads)
}

function chosen(scene: Scene): number[] {
  const balancer = maglev(scene)
  // Enough under way that one request more is not above anybody's bound.
  for (const [place, weight] of scene.members.weights.entries()) scene.add(place, 40 * weight)
  return KEYS.map(key => balancer.pick(key, null, 0))
}

const equal = (count: number): number[] => new Array<number>(count).fill(1)
const servers = (count: number): string[] => Array.from({ length: count }, (_, place) => serverAt(place))

describe("Maglev's table", () => {
  it.each([1, 2, 3, 10, 100, 655, 656, 2000])('gives %i members the same, within a hundredth', count => {
    const table = maglevTable(servers(count), equal(count))
    const counts = countsOf([...table], count)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(Math.max(1, table.length / count / 100))
  })

  it('gives members what their weights demand, within a hundredth and one slot', () => {
    for (const weights of [
      [1, 2, 3, 4],
      [65_535, 1],
      [...equal(50), 1000],
      [1, ...new Array(99).fill(65_535)],
    ]) {
      const table = maglevTable(servers(weights.length), weights)
      const sum = weights.reduce((total, weight) => total + weight, 0)
      for (const [place, count] of countsOf([...table], weights.length).entries()) {
        const share = (table.length * weights[place]!) / sum
        expect(count).toBeGreaterThan(0)
        expect(Math.abs(count - share)).toBeLessThan(1.01 + share / 100)
      }
    }
  })

  it('moves the slots of a member that goes, and few others', () => {
    for (const count of [5, 10, 100]) {
      const before = maglevTable(servers(count), equal(count))
      const after = maglevTable(servers(count).toSpliced(2, 1), equal(count - 1))
      let others = 0
      for (const [slot, place] of before.entries()) {
        const now = after[slot]! >= 2 ? after[slot]! + 1 : after[slot]!
        if (place !== 2 && now !== place) others += 1
      }
      expect(others / before.length).toBeLessThan(0.03)
    }
  })
})

describe('maglev', () => {
  it('spreads keys by weight', () => {
    const weights = [1, 2, 3, 4]
    for (const [place, count] of countsOf(chosen(new Scene(weights)), 4).entries()) {
      expect(Math.abs(count / (5000 * weights[place]!) - 1)).toBeLessThan(0.05)
    }
  })

  it('moves the keys of a member that is down, no others, and spreads them over all that are left', () => {
    const before = chosen(new Scene(equal(10)))
    const down = new Scene(equal(10))
    down.admit(place => place !== 4)
    const after = chosen(down)
    for (const [index, place] of before.entries()) if (place !== 4) expect(after[index]).toBe(place)
    const heirs = countsOf(
      after.filter((_, index) => before[index] === 4),
      10,
    )
    const moved = heirs.reduce((sum, count) => sum + count, 0)
    expect(heirs[4]).toBe(0)
    for (const [place, count] of heirs.entries()) {
      if (place !== 4) expect(Math.abs((count * 9) / moved - 1)).toBeLessThan(0.15)
    }
  })

  it('tells the addresses of one name apart', () => {
    const scene = new Scene(equal(4), { servers: new Array(4).fill('api.internal:80') })
    for (const count of countsOf(chosen(scene), 4)) expect(Math.abs(count / 12_500 - 1)).toBeLessThan(0.05)
  })

  it('moves no more keys than those of an address that its name has no more', () => {
    const servers = new Array<string>(10).fill('api.internal:80')
    const names = Array.from(servers, (_, place) => serverAt(place))
    const before = chosen(new Scene(equal(10), { servers, names }))
    const scene = new Scene(equal(9), { servers: servers.slice(1), names: names.slice(1) })
    const after = chosen(scene).map(place => place + 1)
    const moved = before.filter((place, index) => place !== after[index]).length
    expect(moved / KEYS.length).toBeLessThan(0.15)
  })

  it('takes turns for requests without a key', () => {
    expect(picks(maglev(new Scene([2, 1, 1])), 4)).toEqual([0, 1, 2, 0])
  })

  it('finds the last one that is left', () => {
    const scene = new Scene([65_535, 65_535, 1])
    scene.add(2, 1000)
    expect(maglev(scene).pick('a key', excluding(3, [0, 1]), 0)).toBe(2)
  })
})

describe('bounded loads', () => {
  /** Half of all requests have one key. */
  const hot = (dice: Dice): string => (dice.roll() < 0.5 ? 'hot' : `cold ${dice.roll()}`)

  /** The limit of a member when one of so many requests has just been added. */
  function limitOf({ members }: Scene, place: number, requests: number): number {
    const sum = members.weights.reduce((total, weight) => total + weight, 0)
    return Math.ceil((1.25 * requests * members.weights[place]!) / sum)
  }

  function total(scene: Scene): number {
    return scene.members.columns.reduce((sum, place) => sum + scene.requests(place), 0)
  }

  it.each([
    { weights: equal(10), workers: 1 },
    { weights: [1, 2, 3, 4, 5], workers: 1 },
    { weights: equal(30), workers: 4 },
  ])('are never exceeded, with a hot key: $weights on $workers workers', ({ weights, workers }) => {
    const scene = new Scene(weights, { workers })
    const dice = new Dice(17)
    const balancers = Array.from({ length: workers }, () => maglev(scene))
    const onBegin = (place: number): void => {
      expect(scene.requests(place)).toBeLessThanOrEqual(limitOf(scene, place, total(scene)))
    }
    const meanUsOf = (place: number): number => 1000 * (1 + (place % 3))
    const keyOf = (): string => hot(dice)
    simulate({ scene, balancers, clients: 200, requests: 5000, dice, meanUsOf, keyOf, onBegin })
  })

  it('are not exceeded by more than the few requests that were not looked at yet, among very many members', () => {
    const scene = new Scene(equal(300), { workers: 2 })
    const dice = new Dice(18)
    const balancers = [maglev(scene), maglev(scene)]
    const onBegin = (place: number): void => {
      expect(scene.requests(place)).toBeLessThanOrEqual(limitOf(scene, place, total(scene)) + 1)
    }
    const keyOf = (): string => hot(dice)
    simulate({ scene, balancers, clients: 3000, requests: 6000, dice, meanUsOf: () => 1000, keyOf, onBegin })
  })

  it('leave a hot key with its member as long as that has room', () => {
    const scene = new Scene(equal(4))
    const balancer = maglev(scene)
    const place = balancer.pick('hot', null, 0)
    for (const other of [0, 1, 2, 3]) scene.add(other, 8)
    expect(balancer.pick('hot', null, 0)).toBe(place)
    scene.add(place, 4)
    expect(balancer.pick('hot', null, 0)).not.toBe(place)
    scene.add(place, -4)
    expect(balancer.pick('hot', null, 0)).toBe(place)
  })
})
