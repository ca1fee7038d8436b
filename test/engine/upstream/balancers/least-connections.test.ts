import { describe, expect, it } from 'vitest'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { LeastConnections } from '../../../../engine/upstream/balancers/least-connections.ts'
import { RoundRobin } from '../../../../engine/upstream/balancers/round-robin.ts'
import { countsOf, excluding, picks, Scene } from './scene.ts'
import { type Outcome, simulate } from './simulation.ts'

function leastConnections(scene: Scene): LeastConnections {
  return new LeastConnections(scene.members, scene.loads)
}

function simulated(scene: Scene, workers: number, clients: number, meanUsOf: (place: number) => number): Outcome {
  const balancers = Array.from({ length: workers }, () => leastConnections(scene))
  return simulate({ scene, balancers, clients, requests: 40_000, dice: new Dice(21), meanUsOf })
}

/** One of four takes ten times as long as the others. */
const oneSlow = (place: number): number => (place === 0 ? 10_000 : 1_000)

describe('least connections', () => {
  it('chooses the one with the fewest requests for its weight, counted over all workers', () => {
    const scene = new Scene([1, 2, 4], { workers: 2 })
    const balancer = leastConnections(scene)
    for (const [place, requests] of [3, 5, 13].entries()) scene.add(place, requests, place % 2)
    expect(balancer.pick('', null, 0)).toBe(1)
    scene.add(1, 2)
    expect(balancer.pick('', null, 0)).toBe(0)
    expect(balancer.pick('', excluding(3, [0]), 0)).toBe(2)
  })

  it('takes turns by weight where all have the same', () => {
    expect(picks(leastConnections(new Scene([1, 1, 1])), 7)).toEqual([0, 1, 2, 0, 1, 2, 0])
    expect(countsOf(picks(leastConnections(new Scene([5, 1, 1])), 70), 3)).toEqual([50, 10, 10])
    const many = Array.from({ length: 100 }, (_, place) => 1 + (place % 2))
    for (const [place, count] of countsOf(picks(leastConnections(new Scene(many)), 1500), 100).entries()) {
      expect(Math.abs(count - 10 * many[place]!)).toBeLessThan(2)
    }
  })

  it('takes turns between those that share the lowest number, whoever else is there', () => {
    const scene = new Scene([1, 1, 1, 1])
    scene.add(1, 3)
    expect(picks(leastConnections(scene), 6)).toEqual([0, 2, 3, 0, 2, 3])
  })

  it('gives nobody turns that were not taken while busy', () => {
    const scene = new Scene([1, 1, 1])
    const balancer = leastConnections(scene)
    scene.add(0, 1)
    picks(balancer, 100)
    scene.add(0, -1)
    expect(countsOf(picks(balancer, 9), 3)[0]).toBeLessThanOrEqual(4)
  })

  it('sends a slow member as much less as it is slower, where turns would send it as much', () => {
    const { counts, meanUs } = simulated(new Scene([1, 1, 1, 1]), 1, 40, oneSlow)
    // Each has a quarter of the requests under way: what it answers is in proportion to its speed.
    for (const count of counts.slice(1)) expect(counts[0]! / count).toBeCloseTo(0.1, 1)
    const scene = new Scene([1, 1, 1, 1])
    const balancers = [new RoundRobin(scene.members)]
    const settings = { scene, balancers, clients: 40, requests: 40_000, dice: new Dice(21), meanUsOf: oneSlow }
    const turns = simulate(settings)
    expect(turns.counts[0]! / turns.counts[1]!).toBeCloseTo(1, 1)
    expect(meanUs).toBeLessThan(turns.meanUs / 2)
  })

  it('keeps the requests under way in proportion to the weights', () => {
    const weights = [1, 2, 3, 4]
    const scene = new Scene(weights)
    simulated(scene, 1, 200, oneSlow)
    for (const [place, weight] of weights.entries()) {
      expect(Math.abs(scene.requests(place) - 20 * weight)).toBeLessThanOrEqual(weight + 1)
    }
  })

  it('gives with several workers what it gives with one, within a twentieth', () => {
    const alone = simulated(new Scene([1, 1, 1, 1]), 1, 40, oneSlow)
    const shared = simulated(new Scene([1, 1, 1, 1], { workers: 4 }), 4, 40, oneSlow)
    for (const [place, count] of shared.counts.entries()) {
      expect(Math.abs(count / alone.counts[place]! - 1)).toBeLessThan(0.05)
    }
  })

  it('spreads over a thousand members as evenly as if all were looked at, though it looks at few', () => {
    const scene = new Scene(new Array(1000).fill(1), { workers: 2 })
    simulated(scene, 2, 5000, place => (place % 10 === 0 ? 10_000 : 1_000))
    const requests = Array.from(scene.members.columns, place => scene.requests(place))
    expect(Math.max(...requests)).toBeLessThanOrEqual(7)
    expect(requests.filter(count => count < 4 || count > 6).length).toBeLessThan(50)
  })

  it('sees soon enough that one of a thousand is idle again, or busy by other workers', () => {
    const scene = new Scene(new Array(1000).fill(1), { workers: 2 })
    const balancer = leastConnections(scene)
    for (let place = 0; place < 1000; place += 1) scene.add(place, 5)
    balancer.pick('', null, 0)
    scene.add(700, -3)
    expect(picks(balancer, 64)).toContain(700)
    scene.add(700, 10, 1)
    expect(picks(balancer, 64)).not.toContain(700)
  })
})
