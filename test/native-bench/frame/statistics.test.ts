import { describe, expect, it } from 'vitest'
import { median, orderOfRound, ratiosByRound, spreadOf } from '../../../native-bench/frame/statistics.ts'

describe('a median', () => {
  it('is the value in the middle, or between the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([7])).toBe(7)
    expect(median([])).toBeNaN()
  })

  it('leaves the values in their order', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })
})

describe('a spread', () => {
  it('has the lowest and the highest value beside the median', () => {
    expect(spreadOf([5, 1, 9])).toEqual({ median: 5, minimum: 1, maximum: 9, count: 3 })
  })

  it('of nothing is none', () => {
    expect(spreadOf([])).toBeNull()
  })
})

describe('ratios', () => {
  it('are of the same round, so that a slow minute goes out of them', () => {
    const own = [
      { round: 0, value: 12 },
      { round: 1, value: 24 },
    ]
    const others = [
      { round: 1, value: 20 },
      { round: 0, value: 10 },
    ]
    expect(ratiosByRound(own, others)).toEqual([1.2, 1.2])
  })

  it('leave out rounds that only one side has, and division by 0', () => {
    const own = [
      { round: 0, value: 1 },
      { round: 1, value: 2 },
      { round: 2, value: 3 },
    ]
    const others = [
      { round: 1, value: 4 },
      { round: 2, value: 0 },
    ]
    expect(ratiosByRound(own, others)).toEqual([0.5])
  })
})

describe('the order of rounds', () => {
  it('has everybody in every round', () => {
    for (let round = 0; round < 8; round += 1) {
      expect(orderOfRound(['a', 'b', 'c'], round).toSorted()).toEqual(['a', 'b', 'c'])
    }
  })

  it('turns around from round to round, and each pair of rounds begins with another one', () => {
    const orders = [0, 1, 2, 3, 4, 5].map(round => orderOfRound(['a', 'b', 'c'], round).join(''))
    expect(orders).toEqual(['abc', 'cba', 'bca', 'acb', 'cab', 'bac'])
  })

  it('of two lets each come first as often as the other', () => {
    const firsts = [0, 1, 2, 3].map(round => orderOfRound(['a', 'b'], round)[0])
    expect(firsts.toSorted()).toEqual(['a', 'a', 'b', 'b'])
    expect(orderOfRound([], 3)).toEqual([])
  })
})
