import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RoundRobin } from '../../../../engine/upstream/balancers/round-robin.ts'

function picks(balancer: RoundRobin, count: number, tried: ReadonlySet<number> | null = null): number[] {
  return Array.from({ length: count }, () => balancer.pick(tried))
}

function countsOf(picked: readonly number[], endpoints: number): number[] {
  const counts = new Array<number>(endpoints).fill(0)
  for (const index of picked) counts[index]! += 1
  return counts
}

describe('smooth weighted round robin', () => {
  it('spreads the turns of a heavy endpoint between the others, as nginx documents: 5, 1, 1 is a a b a c a a', () => {
    const names = picks(new RoundRobin([5, 1, 1]), 14).map(index => 'abc'[index])
    expect(names.join(' ')).toBe('a a b a c a a a a b a c a a')
  })

  it('with equal weights goes round in order', () => {
    expect(picks(new RoundRobin([1, 1, 1]), 7)).toEqual([0, 1, 2, 0, 1, 2, 0])
    expect(picks(new RoundRobin([7, 7]), 4)).toEqual([0, 1, 0, 1])
  })

  it('with one endpoint always picks it', () => {
    expect(picks(new RoundRobin([3]), 3)).toEqual([0, 0, 0])
  })

  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 })

  it('gives each endpoint exactly its weight in every round of as many picks as the sum', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 4 }), (all, rounds) => {
        const balancer = new RoundRobin(all)
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
        const counts = countsOf(picks(new RoundRobin(all), count), all.length)
        for (const [index, picked] of counts.entries()) {
          expect(picked).toBeLessThan((count * all[index]!) / sum + all.length)
        }
      }),
    )
  })

  it('takes weights as large as a configuration allows', () => {
    const counts = countsOf(picks(new RoundRobin([65_535, 1]), 65_536), 2)
    expect(counts).toEqual([65_535, 1])
  })
})

describe('endpoints that were tried', () => {
  it('are not picked again, and the others share what they leave, by weight', () => {
    const picked = picks(new RoundRobin([5, 3, 1]), 8, new Set([1]))
    expect(picked).not.toContain(1)
    expect(countsOf(picks(new RoundRobin([5, 3, 1]), 6, new Set([1])), 3)).toEqual([5, 0, 1])
  })

  it('leave none when they are all', () => {
    expect(new RoundRobin([1, 1]).pick(new Set([0, 1]))).toBe(-1)
    expect(new RoundRobin([2, 1]).pick(new Set([0, 1]))).toBe(-1)
  })

  it('do not make one of the others bear all of them, when the weights are equal', () => {
    const counts = countsOf(picks(new RoundRobin([1, 1, 1]), 10, new Set([0])), 3)
    expect(counts).toEqual([0, 5, 5])
  })

  it('are each tried once when one after the other fails', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), all => {
        const balancer = new RoundRobin(all)
        const tried = new Set<number>()
        const first = balancer.pick(null)
        tried.add(first)
        for (let index = balancer.pick(tried); index >= 0; index = balancer.pick(tried)) {
          expect(tried.has(index)).toBe(false)
          tried.add(index)
        }
        expect(tried.size).toBe(all.length)
      }),
    )
  })
})

describe('an upstream without endpoints', () => {
  it('has none to pick', () => {
    expect(new RoundRobin([]).pick(null)).toBe(-1)
  })
})
