import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RoundRobin } from '../../../../engine/upstream/balancers/round-robin.ts'
import { countsOf, excluding, picks, Scene } from './scene.ts'

function roundRobin(weights: readonly number[]): RoundRobin {
  return new RoundRobin(new Scene(weights).members)
}

/** nginx's algorithm as it is written there: a walk over all. */
class PlainRoundRobin {
  readonly #weights: readonly number[]
  readonly #current: number[]

  constructor(weights: readonly number[]) {
    this.#weights = weights
    this.#current = weights.map(() => 0)
  }

  pick(excluded: Uint8Array | null): number {
    let best = -1
    let sum = 0
    for (const [place, weight] of this.#weights.entries()) {
      if (excluded?.[place]) continue
      this.#current[place]! += weight
      sum += weight
      if (best < 0 || this.#current[place]! > this.#current[best]!) best = place
    }
    if (best >= 0) this.#current[best]! -= sum
    return best
  }
}

describe('smooth weighted round robin', () => {
  it('spreads the turns of a heavy endpoint between the others, as nginx documents: 5, 1, 1 is a a b a c a a', () => {
    const names = picks(roundRobin([5, 1, 1]), 14).map(place => 'abc'[place])
    expect(names.join(' ')).toBe('a a b a c a a a a b a c a a')
  })

  it('with equal weights goes round in order', () => {
    expect(picks(roundRobin([1, 1, 1]), 7)).toEqual([0, 1, 2, 0, 1, 2, 0])
    expect(picks(roundRobin([7, 7]), 4)).toEqual([0, 1, 0, 1])
  })

  it('with one endpoint always picks it', () => {
    expect(picks(roundRobin([3]), 3)).toEqual([0, 0, 0])
  })

  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 })

  it('gives each endpoint exactly its weight in every round of as many picks as the sum', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 4 }), (all, rounds) => {
        const balancer = roundRobin(all)
        const sum = all.reduce((total, weight) => total + weight, 0)
        for (let round = 0; round < rounds; round += 1) {
          expect(countsOf(picks(balancer, sum), all.length)).toEqual(all)
        }
      }),
    )
  })

  it('lets no endpoint run ahead of its share by more picks than there are endpoints', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 300 }), (all, count) => {
        const sum = all.reduce((total, weight) => total + weight, 0)
        const counts = countsOf(picks(roundRobin(all), count), all.length)
        for (const [place, picked] of counts.entries()) {
          expect(picked).toBeLessThan((count * all[place]!) / sum + all.length)
        }
      }),
    )
  })

  it('takes weights as large as a configuration allows', () => {
    const counts = countsOf(picks(roundRobin([65_535, 1]), 65_536), 2)
    expect(counts).toEqual([65_535, 1])
  })

  it('goes the way of a walk over all, pick by pick, also where some are tried already', () => {
    const steps = fc.array(fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), { maxLength: 60 })
    fc.assert(
      fc.property(weights, steps, (all, tried) => {
        const balancer = roundRobin(all)
        const plain = new PlainRoundRobin(all)
        for (const marks of tried) {
          const excluded = marks[0] ? Uint8Array.from(marks, mark => (mark ? 1 : 0)) : null
          expect(balancer.pick('', excluded, 0)).toBe(plain.pick(excluded))
        }
      }),
    )
  })

  it('goes the way of a walk over all with hundreds of different weights', () => {
    const all = Array.from({ length: 300 }, (_, place) => 1 + ((place * 7919) % 997))
    const plain = new PlainRoundRobin(all)
    const expected = Array.from({ length: 5000 }, () => plain.pick(null))
    expect(picks(roundRobin(all), 5000)).toEqual(expected)
  })
})

describe('endpoints that were tried', () => {
  it('are not picked again, and the others share what they leave, by weight', () => {
    const picked = picks(roundRobin([5, 3, 1]), 8, excluding(3, [1]))
    expect(picked).not.toContain(1)
    expect(countsOf(picks(roundRobin([5, 3, 1]), 6, excluding(3, [1])), 3)).toEqual([5, 0, 1])
  })

  it('leave none when they are all', () => {
    expect(roundRobin([1, 1]).pick('', excluding(2, [0, 1]), 0)).toBe(-1)
    expect(roundRobin([2, 1]).pick('', excluding(2, [0, 1]), 0)).toBe(-1)
  })

  it('do not make one of the others bear all of them, when the weights are equal', () => {
    const counts = countsOf(picks(roundRobin([1, 1, 1]), 10, excluding(3, [0])), 3)
    expect(counts).toEqual([0, 5, 5])
  })

  it('are each tried once when one after the other fails', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), all => {
        const balancer = roundRobin(all)
        const tried = excluding(all.length, [])
        const first = balancer.pick('', null, 0)
        tried[first] = 1
        for (let place = balancer.pick('', tried, 0); place >= 0; place = balancer.pick('', tried, 0)) {
          expect(tried[place]).toBe(0)
          tried[place] = 1
        }
        expect(tried).toEqual(new Uint8Array(all.length).fill(1))
      }),
    )
  })
})

describe('members that come and go', () => {
  it('do not make the others begin anew: who has had its turn waits for the next', () => {
    const scene = new Scene([1, 1, 1, 1])
    const balancer = new RoundRobin(scene.members)
    expect(picks(balancer, 2)).toEqual([0, 1])
    scene.admit(place => place !== 3)
    const counts = countsOf(picks(balancer, 31), 4)
    expect(counts[3]).toBe(0)
    expect(counts[2]).toBeGreaterThan(counts[0]!)
    expect(counts[2]).toBeGreaterThan(counts[1]!)
    scene.admit(() => true)
    for (const count of countsOf(picks(balancer, 40), 4)) expect(Math.abs(count - 10)).toBeLessThan(2)
  })

  it('serve all alike where weights change with every few picks, as in slow start', () => {
    const scene = new Scene(Array.from({ length: 40 }, (_, place) => 1 + (place % 2)))
    const balancer = new RoundRobin(scene.members)
    const counts = new Array<number>(40).fill(0)
    for (let step = 1; step <= 100; step += 1) {
      scene.weigh(place => (place === 7 ? step / 100 : 1))
      for (const place of picks(balancer, 12)) counts[place]! += 1
    }
    for (const [place, count] of counts.entries()) {
      const share = (1200 * scene.members.weights[place]!) / 60
      if (place !== 7) expect(Math.abs(count - share)).toBeLessThan(3)
    }
    expect(counts[7]).toBeGreaterThan(15)
    expect(counts[7]).toBeLessThan(25)
  })

  it('owe nothing, once back, for picks in which they were gone and tried already', () => {
    const turnsOf = (excluded: Uint8Array | null) => {
      const scene = new Scene([1, 1, 1])
      const balancer = new RoundRobin(scene.members)
      picks(balancer, 2)
      scene.admit(place => place !== 2)
      picks(balancer, 10, excluded)
      scene.admit(() => true)
      return picks(balancer, 4)
    }
    expect(turnsOf(excluding(3, [2]))).toEqual(turnsOf(null))
  })

  it('do not leave others waiting for turns that a heavy one has had', () => {
    const scene = new Scene([60_000, 1, 1])
    const balancer = new RoundRobin(scene.members)
    while (balancer.pick('', null, 0) !== 1) expect(scene.members.count).toBe(3)
    scene.admit(place => place !== 0)
    const counts = countsOf(picks(balancer, 20), 3)
    expect(counts[1]).toBeGreaterThan(7)
    expect(counts[2]).toBeGreaterThan(7)
  })
})

describe('an upstream without endpoints', () => {
  it('has none to pick', () => {
    expect(roundRobin([]).pick('', null, 0)).toBe(-1)
  })
})
