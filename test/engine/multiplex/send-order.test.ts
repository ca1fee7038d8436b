import { describe, expect, it } from 'vitest'
import { FAIR_TURN } from '../../../engine/multiplex/http2-limits.ts'
import { SendOrder, type Waiter } from '../../../engine/multiplex/send-order.ts'

function waiter(id: number, urgency = 3, incremental = false): Waiter & { isReady: boolean } {
  return { id, urgency, incremental, lastTurn: 0, isReady: true }
}

function orderOf(...waiters: Waiter[]): SendOrder<Waiter> {
  const order = new SendOrder<Waiter>()
  for (const each of waiters) order.add(each)
  return order
}

function turns(order: SendOrder<Waiter>, count: number): number[] {
  return Array.from({ length: count }, () => order.next()?.id ?? 0)
}

describe('whose turn it is', () => {
  it('is that of the most urgent', () => {
    expect(turns(orderOf(waiter(1), waiter(3, 0), waiter(5, 7)), 3)).toEqual([3, 3, 3])
  })

  it('is that of the first stream among those that are of use only as a whole', () => {
    const first = waiter(3)
    const order = orderOf(waiter(5), first, waiter(7))
    expect(turns(order, 2)).toEqual([3, 3])
    order.remove(first)
    expect(turns(order, 2)).toEqual([5, 5])
  })

  it('goes round among those that are of use in parts', () => {
    expect(turns(orderOf(waiter(1, 3, true), waiter(3, 3, true), waiter(5, 3, true)), 6)).toEqual([1, 3, 5, 1, 3, 5])
  })

  it('alternates between the two kinds', () => {
    const sent = turns(orderOf(waiter(1, 3, true), waiter(3), waiter(5)), 6)
    expect(sent.filter(id => id === 1).length).toBe(3)
    expect(sent.filter(id => id === 3).length).toBe(3)
  })

  it('is never that of one whose window is shut', () => {
    const shut = { ...waiter(1, 0), isReady: false }
    const order = orderOf(shut, waiter(3))
    expect(turns(order, 3)).toEqual([3, 3, 3])
    expect(order.hasReady).toBe(true)
  })

  it("is nobody's where all windows are shut", () => {
    const order = orderOf({ ...waiter(1), isReady: false })
    expect(order.next()).toBe(null)
    expect(order.hasReady).toBe(false)
  })

  it('comes to the least urgent too, now and then', () => {
    const sent = turns(orderOf(waiter(1, 0), waiter(3, 7)), FAIR_TURN * 4)
    expect(sent.filter(id => id === 3).length).toBeGreaterThanOrEqual(2)
    expect(sent.filter(id => id === 1).length).toBeGreaterThan(sent.length / 2)
  })
})
