import { describe, expect, it } from 'vitest'
import { stampOf } from '../../../../engine/shared/clock.ts'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { LeastTime } from '../../../../engine/upstream/balancers/least-time.ts'
import { PeakEwma } from '../../../../engine/upstream/balancers/peak-ewma.ts'
import { PowerOfTwo } from '../../../../engine/upstream/balancers/power-of-two.ts'
import { countsOf, Scene } from './scene.ts'
import { simulate } from './simulation.ts'

const START_MS = performance.now()

function chosen(balancer: { pick: PeakEwma['pick'] }, count: number, nowMs: number): number[] {
  return Array.from({ length: count }, () => balancer.pick('', null, nowMs))
}

describe('peak EWMA', () => {
  it('shuns a member after one slow answer, where an average would not show it yet', () => {
    const scene = new Scene([1, 1])
    for (let count = 0; count < 50; count += 1) {
      scene.answered(0, 1000, stampOf(START_MS))
      scene.answered(1, 1500, stampOf(START_MS))
    }
    scene.answered(0, 4000, stampOf(START_MS))
    const peak = new PeakEwma(scene.members, scene.loads)
    expect(countsOf(chosen(peak, 20, START_MS), 2)).toEqual([0, 20])
    expect(new LeastTime(scene.members, scene.loads, 'response').pick('', null, START_MS)).toBe(0)
  })

  it('comes back to it as its peak falls', () => {
    const scene = new Scene([1, 1])
    scene.answered(0, 100_000, stampOf(START_MS))
    const peak = new PeakEwma(scene.members, scene.loads)
    const at = (seconds: number): number => START_MS + seconds * 1000
    const asked = Array.from({ length: 120 }, (_, second) => {
      scene.answered(1, 1000, stampOf(at(second)))
      return chosen(peak, 4, at(second)).includes(0)
    })
    expect(asked.indexOf(true)).toBeGreaterThan(30)
    expect(asked.indexOf(true)).toBeLessThan(60)
  })

  it('weighs what is under way by weight', () => {
    const scene = new Scene([1, 5])
    for (const place of [0, 1]) scene.answered(place, 1000, stampOf(START_MS))
    const peak = new PeakEwma(scene.members, scene.loads)
    scene.add(0, 2)
    scene.add(1, 9)
    expect(countsOf(chosen(peak, 10, START_MS), 2)).toEqual([0, 10])
    scene.add(1, 2)
    expect(countsOf(chosen(peak, 10, START_MS), 2)).toEqual([10, 0])
  })

  it('sends a slow member less than connections alone would', () => {
    const run = (by: 'peak' | 'connections'): number => {
      const scene = new Scene(new Array(10).fill(1))
      const dice = new Dice(31)
      const { members, loads } = scene
      const balancers = [by === 'peak' ? new PeakEwma(members, loads, dice) : new PowerOfTwo(members, loads, by, dice)]
      const meanUsOf = (place: number): number => (place === 0 ? 50_000 : 1_000)
      return simulate({ scene, balancers, clients: 30, requests: 20_000, dice, meanUsOf }).counts[0]!
    }
    expect(run('peak')).toBeLessThan(run('connections') / 2)
  })
})
