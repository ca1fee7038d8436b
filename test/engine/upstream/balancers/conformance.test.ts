import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stampOf } from '../../../../engine/shared/clock.ts'
import type { BalanceName, Measure } from '../../../../engine/snapshot.ts'
import { createBalancer } from '../../../../engine/upstream/balancers/create.ts'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { Scene } from './scene.ts'

interface Kind {
  readonly name: string
  readonly balance: BalanceName
  readonly measure: Measure
  /** Spreads by key: the same key, the same member. */
  readonly isKeyed: boolean
}

function kind(balance: BalanceName, measure: Measure = 'connections', isKeyed = false): Kind {
  return { name: `${balance} by ${isKeyed ? 'key' : measure}`, balance, measure, isKeyed }
}

const KINDS: readonly Kind[] = [
  kind('round_robin'),
  kind('random'),
  kind('power_of_two'),
  kind('power_of_two', 'first_byte'),
  kind('power_of_two', 'response'),
  kind('least_connections'),
  kind('least_time', 'first_byte'),
  kind('least_time', 'response'),
  kind('peak_ewma'),
  kind('ip_hash', 'connections', true),
  kind('hash', 'connections', true),
  kind('maglev', 'connections', true),
]

function create({ balance, measure }: Kind, { members, loads }: Scene): ReturnType<typeof createBalancer> {
  return createBalancer(balance, measure, members, loads)
}

/** Addresses serve as keys for all. */
function keyOf(dice: Dice): string {
  const [a, b, c, d] = Array.from({ length: 4 }, () => Math.floor(dice.roll() * 256))
  return `${a}.${b}.${c}.${d}`
}

/** Requests that begin, and end in another order, so that members are busy in all manners. */
class Traffic {
  readonly #scene: Scene
  readonly #dice: Dice
  readonly #underWay: number[] = []
  nowMs = performance.now()

  constructor(scene: Scene, dice: Dice) {
    this.#scene = scene
    this.#dice = dice
  }

  begin(place: number): void {
    this.#scene.add(place, 1)
    this.#underWay.push(place)
  }

  /** Ends requests until so many are left. */
  endUntil(left: number, usOf: (place: number) => number): void {
    while (this.#underWay.length > left) {
      const [place] = this.#underWay.splice(Math.floor(this.#dice.roll() * this.#underWay.length), 1)
      this.nowMs += this.#dice.roll() * 20
      this.#scene.add(place!, -1)
      this.#scene.answered(place!, usOf(place!), stampOf(this.nowMs))
    }
  }
}

const WEIGHTS = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 }),
  // So many that not all of them are looked at for each decision.
  fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 60, maxLength: 120 }),
)

describe.each(KINDS)('$name', balance => {
  it('never chooses who is unavailable or excluded, and has none only where none is left', () => {
    fc.assert(
      fc.property(WEIGHTS, fc.integer(), (weights, seed) => {
        const dice = new Dice(seed)
        const scene = new Scene(weights, { workers: 2 })
        const balancer = create(balance, scene)
        const traffic = new Traffic(scene, dice)
        for (let step = 0; step < 60; step += 1) {
          const share = dice.roll() ** 2
          if (dice.roll() < 0.2) scene.admit(() => dice.roll() < share)
          if (dice.roll() < 0.2) scene.weigh(() => 0.05 + 0.95 * dice.roll())
          const mark = (): number => (dice.roll() < share ? 1 : 0)
          const excluded = dice.roll() < 0.5 ? null : Uint8Array.from(weights, mark)
          const isLeft = (place: number): boolean => scene.members.available[place] === 1 && excluded?.[place] !== 1
          const place = balancer.pick(dice.roll() < 0.1 ? '' : keyOf(dice), excluded, traffic.nowMs)
          const left = [...weights.keys()].filter(isLeft)
          if (left.length === 0) expect(place).toBe(-1)
          else expect(left).toContain(place)
          if (place >= 0) traffic.begin(place)
          if (dice.roll() < 0.3) traffic.endUntil(Math.floor(dice.roll() * 20), () => dice.roll() * 1e5)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('tries each member once where all of them fail, and then has none', () => {
    fc.assert(
      fc.property(WEIGHTS, fc.integer(), (weights, seed) => {
        const balancer = create(balance, new Scene(weights))
        const key = keyOf(new Dice(seed))
        const tried = new Uint8Array(weights.length)
        for (let place = balancer.pick(key, null, 0); place >= 0; place = balancer.pick(key, tried, 0)) {
          expect(tried[place]).toBe(0)
          tried[place] = 1
        }
        expect(tried).toEqual(new Uint8Array(weights.length).fill(1))
      }),
      { numRuns: 30 },
    )
  })

  it('ignores no weight: all members are chosen, heavier ones more often', () => {
    const weights = [1, 2, 4, 8]
    // One at a time, and so many that nobody is idle: in between, idle ones go first with some, whatever they weigh.
    for (const concurrency of [1, 60]) {
      const counts = drive(balance, new Scene(weights), concurrency, 6000)
      for (const [place, count] of counts.entries()) {
        expect(count).toBeGreaterThan(0)
        if (place > 0) expect(count).toBeGreaterThan(counts[place - 1]! * 1.2)
      }
    }
  })

  it('ignores none of many members', () => {
    const weights = Array.from({ length: 150 }, (_, place) => 1 + (place % 3))
    const counts = drive(balance, new Scene(weights), 900, 20_000)
    expect(counts.filter(count => count === 0)).toEqual([])
    const byWeight = [1, 2, 3].map(weight => {
      return counts.filter((_, place) => weights[place] === weight).reduce((sum, count) => sum + count, 0)
    })
    expect(byWeight[1]).toBeGreaterThan(byWeight[0]! * 1.2)
    expect(byWeight[2]).toBeGreaterThan(byWeight[1]! * 1.1)
  })

  it('serves with the members that are left, and with the others again when they are back', () => {
    const scene = new Scene([3, 1, 2, 1])
    const balancer = create(balance, scene)
    expect(new Set(chosen(balancer, 400)).size).toBe(4)
    scene.admit(place => place > 1)
    expect(new Set(chosen(balancer, 400))).toEqual(new Set([2, 3]))
    scene.admit(() => false)
    expect(new Set(chosen(balancer, 4))).toEqual(new Set([-1]))
    scene.admit(() => true)
    expect(new Set(chosen(balancer, 400)).size).toBe(4)
  })

  it('has nobody where there is nobody', () => {
    expect(create(balance, new Scene([])).pick('10.0.0.1', null, 0)).toBe(-1)
  })
})

/** Requests one after the other, so many of them under way, all answered alike. Gives how many each member had. */
function drive(balance: Kind, scene: Scene, concurrency: number, requests: number): number[] {
  const dice = new Dice(4711)
  const balancer = create(balance, scene)
  const traffic = new Traffic(scene, dice)
  const counts = new Array<number>(scene.members.count).fill(0)
  for (let request = 0; request < requests; request += 1) {
    const place = balancer.pick(keyOf(dice), null, traffic.nowMs)
    counts[place]! += 1
    traffic.begin(place)
    traffic.endUntil(concurrency - 1, () => 1000)
  }
  return counts
}

function chosen(balancer: ReturnType<typeof createBalancer>, count: number): number[] {
  const dice = new Dice(815)
  return Array.from({ length: count }, () => balancer.pick(keyOf(dice), null, 0))
}

describe.each(KINDS.filter(({ isKeyed }) => isKeyed))('$name', balance => {
  const dice = new Dice(99)
  const keys = Array.from({ length: 500 }, () => keyOf(dice))

  it('chooses the same member for the same key, whatever was asked before and by whomever', () => {
    const one = create(balance, new Scene([1, 2, 3, 4, 5]))
    const other = create(balance, new Scene([1, 2, 3, 4, 5]))
    const places = keys.map(key => one.pick(key, null, 0))
    expect(keys.toReversed().map(key => other.pick(key, null, 0))).toEqual(places.toReversed())
  })

  it('brings keys back to their member when it is available again', () => {
    const scene = new Scene([1, 2, 3, 4, 5])
    const balancer = create(balance, scene)
    const places = keys.map(key => balancer.pick(key, null, 0))
    scene.admit(place => place !== 3)
    const without = keys.map(key => balancer.pick(key, null, 0))
    for (const [index, place] of places.entries()) if (place !== 3) expect(without[index]).toBe(place)
    scene.admit(() => true)
    expect(keys.map(key => balancer.pick(key, null, 0))).toEqual(places)
  })

  it('keeps keys where they are while a member starts slowly', () => {
    const scene = new Scene([1, 2, 3, 4, 5])
    const balancer = create(balance, scene)
    const places = keys.map(key => balancer.pick(key, null, 0))
    scene.weigh(place => (place === 2 ? 0.05 : 1))
    expect(keys.map(key => balancer.pick(key, null, 0))).toEqual(places)
  })
})

describe.each(KINDS.filter(({ isKeyed }) => !isKeyed))('$name', balance => {
  it('gives a member in slow start as much less as its weight is less', () => {
    const scene = new Scene([10, 10, 10, 10])
    scene.weigh(place => (place === 0 ? 0.1 : 1))
    const counts = drive(balance, scene, 40, 10_000)
    expect(counts[0]).toBeGreaterThan(0)
    for (const count of counts.slice(1)) expect(count).toBeGreaterThan(counts[0]! * 3)
  })
})
