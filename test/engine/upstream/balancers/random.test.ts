import { describe, expect, it } from 'vitest'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { Random } from '../../../../engine/upstream/balancers/random.ts'
import { chiSquareMax, chiSquareOf, countsOf, excluding, picks, Scene } from './scene.ts'

function counts(weights: readonly number[], count: number, excluded: Uint8Array | null = null): number[] {
  const balancer = new Random(new Scene(weights).members, new Dice(7))
  return countsOf(picks(balancer, count, excluded), weights.length)
}

describe('random', () => {
  it.each([
    { weights: [1, 1, 1, 1] },
    { weights: [5, 1, 1] },
    { weights: [100, 1] },
    { weights: Array.from({ length: 1000 }, (_, place) => 1 + (place % 7)) },
  ])('chooses by weight, no farther from it than chance takes it', ({ weights }) => {
    const statistic = chiSquareOf(counts(weights, 200 * weights.length), weights)
    expect(statistic).toBeLessThan(chiSquareMax(weights.length))
  })

  it('chooses by weight between those that are left, also where nearly all are tried', () => {
    const weights = [4, 3, 2, 1, 90]
    for (const tried of [[0], [4], [1, 4]]) {
      const left = weights.map((weight, place) => (tried.includes(place) ? 0 : weight))
      const chosen = counts(weights, 5000, excluding(5, tried))
      for (const place of tried) expect(chosen[place]).toBe(0)
      const kept = (all: readonly number[]): number[] => all.filter((_, place) => !tried.includes(place))
      expect(chiSquareOf(kept(chosen), kept(left))).toBeLessThan(chiSquareMax(5 - tried.length))
    }
  })

  it('does not choose the same row of members in each worker', () => {
    const { members } = new Scene(new Array(100).fill(1))
    expect(picks(new Random(members), 20)).not.toEqual(picks(new Random(members), 20))
  })
})
