import { describe, expect, it } from 'vitest'
import { stampOf } from '../../../../engine/shared/clock.ts'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { LeastTime } from '../../../../engine/upstream/balancers/least-time.ts'
import { countsOf, Scene } from './scene.ts'
import { simulate } from './simulation.ts'

const START_MS = performance.now()

/** Requests one after the other, so many a second, answered at once. Gives who had them. */
function served(
  scene: Scene,
  perSecond: number,
  seconds: number,
  usOf: (place: number, nowMs: number) => number,
): number[] {
  const balancer = new LeastTime(scene.members, scene.loads, 'response')
  return Array.from({ length: perSecond * seconds }, (_, request) => {
    const nowMs = START_MS + (request * 1000) / perSecond
    const place = balancer.pick('', null, nowMs)
    scene.answered(place, usOf(place, nowMs - START_MS), stampOf(nowMs))
    return place
  })
}

describe('least time', () => {
  it('chooses the one that would answer first: by its time, and by what it has to do', () => {
    const scene = new Scene([1, 1])
    const balancer = new LeastTime(scene.members, scene.loads, 'response')
    const stamp = stampOf(START_MS)
    scene.answered(0, 3000, stamp)
    scene.answered(1, 1000, stamp)
    expect(balancer.pick('', null, START_MS)).toBe(1)
    scene.add(1, 3)
    expect(balancer.pick('', null, START_MS)).toBe(0)
    scene.add(0, 1)
    expect(balancer.pick('', null, START_MS)).toBe(1)
  })

  it('counts what a member has to do by its weight', () => {
    const scene = new Scene([1, 3])
    const balancer = new LeastTime(scene.members, scene.loads, 'response')
    for (const place of [0, 1]) {
      scene.answered(place, 1000, stampOf(START_MS))
      scene.add(place, 2)
    }
    expect(balancer.pick('', null, START_MS)).toBe(1)
    scene.add(1, 5)
    expect(balancer.pick('', null, START_MS)).toBe(0)
  })

  it('goes by the time that it is told to go by', () => {
    const scene = new Scene([1, 1])
    const stamp = stampOf(START_MS)
    const { endpointCells } = scene.page
    scene.answered(0, 1000, stamp)
    scene.answered(1, 2000, stamp)
    for (const cell of [1, 33]) endpointCells[cell] = 5000 - endpointCells[cell]!
    expect(new LeastTime(scene.members, scene.loads, 'first_byte').pick('', null, START_MS)).toBe(0)
    expect(new LeastTime(scene.members, scene.loads, 'response').pick('', null, START_MS)).toBe(1)
  })

  it('takes turns by weight where times are the same', () => {
    const counts = countsOf(
      served(new Scene([3, 1]), 1000, 1, () => 1000),
      2,
    )
    expect(counts).toEqual([750, 250])
  })

  it('finds out about a member with one request at a time', () => {
    const scene = new Scene([1, 1, 1])
    const balancer = new LeastTime(scene.members, scene.loads, 'response')
    scene.answered(0, 1000, stampOf(START_MS))
    const chosen = Array.from({ length: 10 }, () => {
      const place = balancer.pick('', null, START_MS)
      scene.add(place, 1)
      return place
    })
    expect(countsOf(chosen, 3)).toEqual([8, 1, 1])
  })

  it('sends a slow member next to nothing, and a fast one what it can take', () => {
    const scene = new Scene([1, 1, 1, 1])
    const balancers = [new LeastTime(scene.members, scene.loads, 'response')]
    const meanUsOf = (place: number): number => (place === 0 ? 50_000 : 1_000)
    const { counts } = simulate({ scene, balancers, clients: 9, requests: 20_000, dice: new Dice(5), meanUsOf })
    expect(counts[0]).toBeLessThan(20)
    for (const count of counts.slice(1)) expect(count / 20_000).toBeGreaterThan(0.28)
  })

  it('asks a member again that was slow once, and gives it its share when it is quick', () => {
    const scene = new Scene([1, 1, 1])
    const dice = new Dice(13)
    let slow = 0
    const chosen = served(scene, 100, 120, place => {
      if (place === 0) slow += 1
      return place === 0 && slow === 1 ? 50_000 : 900 + 200 * dice.roll()
    })
    const again = chosen.indexOf(0, chosen.indexOf(0) + 1) / 100
    expect(again).toBeGreaterThan(10)
    expect(again).toBeLessThan(60)
    const [first, second, third] = countsOf(chosen.slice(-2000), 3)
    expect(Math.min(first!, second!, third!)).toBeGreaterThan(400)
  })

  it('goes on asking one that stays slow, but seldom', () => {
    const chosen = served(new Scene([1, 1, 1]), 100, 200, place => (place === 0 ? 20_000 : 1000))
    const [asked] = countsOf(chosen, 3)
    expect(asked).toBeGreaterThan(3)
    expect(asked).toBeLessThan(20)
  })

  it('is not drawn to a member that answers no more, however old its average grows', () => {
    const scene = new Scene([1, 1, 1])
    const balancer = new LeastTime(scene.members, scene.loads, 'response')
    for (const place of [0, 1, 2]) scene.answered(place, 1000, stampOf(START_MS))
    for (let request = 0; request < 6000; request += 1) {
      const nowMs = START_MS + request * 10
      const place = balancer.pick('', null, nowMs)
      if (place === 0) scene.add(0, 1)
      else scene.answered(place, 1000, stampOf(nowMs))
    }
    expect(scene.requests(0)).toBeLessThan(8)
  })

  it('takes connections for the time of the response: they are no time', () => {
    const scene = new Scene([1, 1])
    scene.answered(0, 3000, stampOf(START_MS))
    scene.answered(1, 1000, stampOf(START_MS))
    expect(new LeastTime(scene.members, scene.loads, 'connections').pick('', null, START_MS)).toBe(1)
  })
})
