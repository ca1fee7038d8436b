import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReceiveWindow, WINDOW_BYTES_DEFAULT, windowRoom } from '../../../engine/multiplex/receive-window.ts'

const KIB = 1024
const SIZES = { streamWindowBytes: 64 * KIB, connectionWindowBytes: 1024 * KIB, windowBytesMax: 16 * 1024 * KIB }

describe('a window', () => {
  it('is given back when half of it is free', () => {
    expect(windowRoom(100, 51, 0)).toBe(0)
    expect(windowRoom(100, 50, 0)).toBe(50)
    expect(windowRoom(100, 0, 0)).toBe(100)
  })

  it('keeps away what is held', () => {
    expect(windowRoom(100, 50, 50)).toBe(0)
    expect(windowRoom(100, 0, 80)).toBe(20)
    expect(windowRoom(100, 0, 100)).toBe(0)
  })

  it('grows to its target with what is given back', () => {
    expect(windowRoom(400, 50, 0)).toBe(350)
  })
})

describe('the window of a connection', () => {
  it('begins with what everybody takes for granted, and is opened to what is configured', () => {
    const window = new ReceiveWindow(SIZES, false)
    expect(window.giveFirst()).toBe(1024 * KIB - WINDOW_BYTES_DEFAULT)
    expect(new ReceiveWindow({ ...SIZES, connectionWindowBytes: 1000 }, false).giveFirst()).toBe(0)
  })

  it('does not take more than it has given', () => {
    const window = new ReceiveWindow(SIZES, false)
    expect(window.take(WINDOW_BYTES_DEFAULT)).toBe(true)
    expect(window.take(1)).toBe(false)
  })

  it('never has more outstanding and held than its target', () => {
    const step = fc.record({ bytes: fc.nat(20_000), holds: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), steps => {
        const window = new ReceiveWindow({ ...SIZES, connectionWindowBytes: 100_000 }, false)
        let left = WINDOW_BYTES_DEFAULT + window.giveFirst()
        let held = 0
        for (const { bytes, holds } of steps) {
          const taken = Math.min(bytes, left)
          left -= taken
          expect(window.take(taken)).toBe(true)
          if (holds) {
            held += taken
            window.hold(taken)
          } else if (held > 0) {
            window.release(held)
            held = 0
          }
          left += window.giveBack()
          expect(left + held).toBeLessThanOrEqual(100_000)
        }
        window.release(held)
        left += window.giveBack()
        expect(left).toBeGreaterThanOrEqual(50_000)
      }),
    )
  })

  it('is made larger where a round trip brings what fills it, up to what is allowed', () => {
    const window = new ReceiveWindow(SIZES, false)
    window.giveFirst()
    let rounds = 0
    while (window.beginsSample()) {
      rounds += 1
      const bytes = window.streamTarget / 2
      for (let left = bytes; left > 0; left -= 64 * KIB) {
        window.take(Math.min(left, 64 * KIB))
        window.giveBack()
      }
      window.endSample()
    }
    expect(window.streamTarget).toBe(8 * 1024 * KIB)
    expect(rounds).toBe(7)
  })

  it('stays as it is where little comes, and while a PING is out no other is sent', () => {
    const window = new ReceiveWindow(SIZES, false)
    expect(window.beginsSample()).toBe(true)
    expect(window.beginsSample()).toBe(false)
    window.take(10 * KIB)
    window.endSample()
    expect(window.streamTarget).toBe(64 * KIB)
  })

  it('does not grow by an answer that nobody has asked for', () => {
    const window = new ReceiveWindow(SIZES, false)
    window.take(60 * KIB)
    window.endSample()
    expect(window.streamTarget).toBe(64 * KIB)
  })

  it('that many share is not used up by those who take nothing', () => {
    const window = new ReceiveWindow({ ...SIZES, connectionWindowBytes: 100_000 }, true)
    window.giveFirst()
    let left = 100_000
    for (let round = 0; round < 100; round += 1) {
      window.hold(20_000)
      expect(window.take(20_000)).toBe(true)
      left += window.giveBack() - 20_000
      expect(left).toBeGreaterThanOrEqual(25_000)
      expect(left).toBeLessThanOrEqual(100_000)
    }
    window.release(2_000_000)
    expect(left + window.giveBack()).toBe(100_000)
  })

  it('that many share gives each stream its share of what may be held, and no less than at first', () => {
    const [own, shared] = [new ReceiveWindow(SIZES, false), new ReceiveWindow(SIZES, true)]
    own.streamTarget = 8 * 1024 * KIB
    shared.streamTarget = 8 * 1024 * KIB
    expect([1, 2, 16, 1000].map(streams => own.streamTargetOf(64 * KIB, streams) / KIB)).toEqual([
      8192, 8192, 8192, 8192,
    ])
    expect([1, 2, 16, 1000].map(streams => shared.streamTargetOf(64 * KIB, streams) / KIB)).toEqual([
      8192, 8192, 1024, 64,
    ])
    expect(shared.streamTargetOf(8192 * KIB, 16)).toBe(1024 * KIB)
  })
})
