import { describe, expect, it } from 'vitest'
import type { Balancer } from '../../../../engine/upstream/balancers/balancer.ts'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { PowerOfTwo } from '../../../../engine/upstream/balancers/power-of-two.ts'
import { Random } from '../../../../engine/upstream/balancers/random.ts'
import { Scene } from './scene.ts'
import { simulate } from './simulation.ts'

/** The most requests that one member has after so many that all stay. */
function highestLoad(scene: Scene, balancer: Balancer, requests: number): number {
  for (let count = 0; count < requests; count += 1) scene.add(balancer.pick('', null, 0), 1)
  return Math.max(...scene.members.columns.map(place => scene.requests(place)))
}

const equal = (count: number): number[] => new Array<number>(count).fill(1)

describe('the better of two', () => {
  it('leaves no member far above the others, where one at random does (Mitzenmacher: ln ln n against ln n / ln ln n)', () => {
    for (const seed of [1, 2, 3]) {
      const scene = new Scene(equal(1000))
      const balancer = new PowerOfTwo(scene.members, scene.loads, 'connections', new Dice(seed))
      expect(highestLoad(scene, balancer, 1000)).toBeLessThanOrEqual(4)
      const other = new Scene(equal(1000))
      expect(highestLoad(other, new Random(other.members, new Dice(seed)), 1000)).toBeGreaterThanOrEqual(5)
    }
  })

  it('stays as near to the average however many requests there are, where one at random does not', () => {
    const scene = new Scene(equal(200))
    const balancer = new PowerOfTwo(scene.members, scene.loads, 'connections', new Dice(5))
    expect(highestLoad(scene, balancer, 40_000)).toBeLessThanOrEqual(204)
    const other = new Scene(equal(200))
    expect(highestLoad(other, new Random(other.members, new Dice(5)), 40_000)).toBeGreaterThan(220)
  })

  it('fills members by their weights', () => {
    const weights = Array.from({ length: 100 }, (_, place) => 1 + (place % 4))
    const scene = new Scene(weights)
    const balancer = new PowerOfTwo(scene.members, scene.loads, 'connections', new Dice(6))
    highestLoad(scene, balancer, 25_000)
    for (const [place, weight] of weights.entries()) {
      expect(Math.abs(scene.requests(place) / weight - 100)).toBeLessThan(8)
    }
  })

  it('always takes the one with fewer requests where there are two, counted over all workers', () => {
    const scene = new Scene([1, 1], { workers: 3 })
    const balancer = new PowerOfTwo(scene.members, scene.loads, 'connections')
    scene.add(0, 1, 0)
    scene.add(0, 1, 2)
    scene.add(1, 1, 1)
    for (let count = 0; count < 50; count += 1) expect(balancer.pick('', null, 0)).toBe(1)
  })

  it('finds another also where one has nearly all of the weight', () => {
    const scene = new Scene([60_000, 1, 1])
    const balancer = new PowerOfTwo(scene.members, scene.loads, 'connections')
    scene.add(0, 200_000)
    for (let count = 0; count < 50; count += 1) expect(balancer.pick('', null, 0)).not.toBe(0)
  })

  it.each(['first_byte', 'response'] as const)('by time sends a slow member less than by connections: %s', measure => {
    const run = (by: 'connections' | typeof measure): number => {
      const scene = new Scene(equal(10))
      const dice = new Dice(11)
      const balancers = [new PowerOfTwo(scene.members, scene.loads, by, dice)]
      const meanUsOf = (place: number): number => (place === 0 ? 20_000 : 2_000)
      return simulate({ scene, balancers, clients: 40, requests: 20_000, dice, meanUsOf }).counts[0]!
    }
    expect(run(measure)).toBeLessThan(run('connections') / 2)
  })
})
