import { describe, expect, it } from 'vitest'
import { Dice } from '../../../../engine/upstream/balancers/dice.ts'
import { chiSquareMax, chiSquareOf } from './scene.ts'

describe('dice', () => {
  it('give the same row of numbers for the same seed, and another for another', () => {
    const row = (seed: number): number[] => {
      const dice = new Dice(seed)
      return Array.from({ length: 10 }, () => dice.roll())
    }
    expect(row(1)).toEqual(row(1))
    expect(row(1)).not.toEqual(row(2))
  })

  it('give all numbers from 0 to below 1 alike, and whatever came before', () => {
    const dice = new Dice(3)
    const singles = new Array<number>(100).fill(0)
    const pairs = new Array<number>(100).fill(0)
    let before = 0
    for (let count = 0; count < 100_000; count += 1) {
      const number = dice.roll()
      expect(number >= 0 && number < 1).toBe(true)
      singles[Math.floor(number * 100)]! += 1
      pairs[Math.floor(before * 10) * 10 + Math.floor(number * 10)]! += 1
      before = number
    }
    const alike = new Array<number>(100).fill(1)
    expect(chiSquareOf(singles, alike)).toBeLessThan(chiSquareMax(100))
    expect(chiSquareOf(pairs, alike)).toBeLessThan(chiSquareMax(100))
  })
})
