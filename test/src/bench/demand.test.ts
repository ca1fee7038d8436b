import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ClosedLoop, Schedule, scheduleTotal } from '../../../src/bench/demand.ts'

function allOf(schedule: Schedule): number[] {
  const times: number[] = []
  for (let time = schedule.take(Number.MAX_VALUE); time !== null; time = schedule.take(Number.MAX_VALUE))
    times.push(time)
  return times
}

test('threads deal a schedule out among themselves: together each request once, at its time', () => {
  const shape = fc.record({
    rate: fc.integer({ min: 1, max: 5000 }),
    total: fc.integer({ min: 1, max: 300 }),
    connections: fc.integer({ min: 1, max: 40 }),
    threads: fc.integer({ min: 1, max: 8 }),
  })
  const run = ({
    rate,
    total,
    connections,
    threads,
  }: {
    rate: number
    total: number
    connections: number
    threads: number
  }) => {
    fc.pre(threads <= connections)
    const times = Array.from({ length: threads }, (_, thread) =>
      allOf(new Schedule({ startMs: 1000, rate, total, connections, threads, thread })),
    )
    const expected = Array.from({ length: total }, (_, index) => 1000 + (index * 1000) / rate)
    expect(times.flat().toSorted((left, right) => left - right)).toEqual(expected)
  }
  fc.assert(fc.property(shape, run))
})

test('a schedule hands out what is due, says when the next is, and takes one back', () => {
  const schedule = new Schedule({ startMs: 0, rate: 100, total: 3, connections: 1, threads: 1, thread: 0 })
  expect(schedule.take(0)).toBe(0)
  expect(schedule.take(9)).toBeNull()
  expect(schedule.nextDueMs()).toBe(10)
  expect(schedule.take(25)).toBe(10)
  schedule.giveBack(10)
  expect(schedule.nextDueMs()).toBe(10)
  expect(schedule.take(25)).toBe(10)
  expect(schedule.take(25)).toBe(20)
  expect(schedule.isOver()).toBe(true)
  expect(schedule.take(1000)).toBeNull()
  expect(schedule.nextDueMs()).toBe(Number.POSITIVE_INFINITY)
})

test('a schedule holds the rate times the duration, or what is asked for, and one request at least', () => {
  expect(scheduleTotal(1000, 2500, null)).toBe(2500)
  expect(scheduleTotal(0.1, 1000, null)).toBe(1)
  expect(scheduleTotal(10, null, 7)).toBe(7)
})

test('a closed loop hands out its budget once, whoever takes from it', () => {
  const budget = new Int32Array(new SharedArrayBuffer(4)).fill(3)
  const [one, other] = [new ClosedLoop(budget), new ClosedLoop(budget)]
  expect([one.take(5), other.take(6), one.take(7), other.take(8), one.take(9)]).toEqual([5, 6, 7, null, null])
  expect(one.isOver()).toBe(true)
  other.giveBack()
  expect(one.isOver()).toBe(false)
  expect(one.take(10)).toBe(10)
  expect(new ClosedLoop(null).take(11)).toBe(11)
})

test('a budget is spent to the last request, and what is given back can be taken again', () => {
  const budget = new Int32Array(new SharedArrayBuffer(4))
  budget[0] = 2
  const loop = new ClosedLoop(budget)
  expect([loop.take(1), loop.take(2), loop.take(3), loop.isOver()]).toEqual([1, 2, null, true])
  expect(budget[0]).toBe(0)
  loop.giveBack()
  expect([loop.isOver(), loop.take(4), loop.take(5)]).toEqual([false, 4, null])
})
