import { describe, expect, it } from 'vitest'
import { RETRY_TOKENS, RETRY_TRICKLE_AT, UPSTREAM_CELLS } from '../../../engine/shared/upstream-cells.ts'
import { Budget, depositOf } from '../../../engine/upstream/budget.ts'

/** Two workers' budgets on the same cells. */
function budgets(share: number): [Budget, Budget] {
  const cells = new Int32Array(new SharedArrayBuffer(UPSTREAM_CELLS * 4))
  const open = () => new Budget(cells, RETRY_TOKENS, RETRY_TRICKLE_AT, share)
  const [one, other] = [open(), open()]
  one.fill()
  return [one, other]
}

function drain(budget: Budget, stamp: number): number {
  let taken = 0
  while (budget.withdraw(stamp)) taken += 1
  return taken
}

describe('a budget', () => {
  it('has ten to begin with, for all workers together', () => {
    const [one, other] = budgets(0.2)
    for (let taken = 0; taken < 5; taken += 1) expect([one.withdraw(1), other.withdraw(1)]).toEqual([true, true])
    expect([one.withdraw(1), other.withdraw(1)]).toEqual([false, false])
  })

  it.each([
    [0.2, 1000, 200],
    [0.1, 1000, 100],
    [1, 50, 50],
    [0.001, 1000, 1],
    [0, 1000, 0],
  ])('with a share of %f has for %i requests %i tries more', (share, requests, tries) => {
    const [one, other] = budgets(share)
    drain(one, 1)
    for (let request = 0; request < requests; request += 1) (request % 2 === 0 ? one : other).deposit(100_000)
    expect(drain(other, 1)).toBe(tries)
  })

  it('has what a request puts in that knows better', () => {
    const [one, other] = budgets(0)
    drain(one, 1)
    for (let request = 0; request < 100; request += 1) (request % 2 === 0 ? one : other).deposit(1_000, depositOf(0.5))
    expect(drain(other, 1)).toBe(50)
  })

  it('saves up no more than there are requests under way, and ten', () => {
    const [one] = budgets(0.2)
    for (let request = 0; request < 10_000; request += 1) one.deposit(3)
    expect(drain(one, 1)).toBe(10)
    for (let request = 0; request < 10_000; request += 1) one.deposit(40)
    expect(drain(one, 1)).toBe(40)
  })

  it('gets one back every ten seconds, up to ten, without any request', () => {
    const [one, other] = budgets(0.2)
    drain(one, 1)
    expect(one.withdraw(9_999)).toBe(false)
    expect(other.withdraw(10_002)).toBe(true)
    expect(one.withdraw(10_003)).toBe(false)
    // However long nobody asked.
    expect(drain(one, 1_000_000)).toBe(1)
  })

  it('takes back what was taken out for nothing', () => {
    const [one] = budgets(0.2)
    drain(one, 1)
    one.giveBack()
    expect(drain(one, 1)).toBe(1)
  })

  it('goes by a clock that wraps', () => {
    const [one] = budgets(0.2)
    drain(one, 2 ** 31 - 5_000)
    expect(one.withdraw(-(2 ** 31) + 4_000)).toBe(false)
    expect(one.withdraw(-(2 ** 31) + 5_001)).toBe(true)
  })
})
