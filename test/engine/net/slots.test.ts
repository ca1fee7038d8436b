import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SLOT_BYTES, SLOT_HEADROOM, SLOT_TAILROOM, type Slot, SlotPool } from '../../../engine/net/slots.ts'

const BASE = 4096

function openPool(count: number): SlotPool {
  return new SlotPool(Buffer.alloc(BASE + SlotPool.bytesNeeded(count)), BASE, count)
}

function takeAll(pool: SlotPool): Slot[] {
  const slots: Slot[] = []
  for (let slot = pool.take(); slot !== null; slot = pool.take()) slots.push(slot)
  return slots
}

describe('a pool of slots', () => {
  it('lends as many as it has, then none', () => {
    const pool = openPool(3)
    expect(takeAll(pool).length).toBe(3)
    expect(pool.take()).toBeNull()
    expect(pool.taken).toBe(3)
  })

  it('has no slot but the landing slot when it was made with none', () => {
    const pool = openPool(0)
    expect(pool.take()).toBeNull()
    expect(pool.landing.view.length).toBe(SLOT_BYTES)
  })

  it('cuts slots, the landing slot among them, that leave each other their head and tail room', () => {
    const pool = openPool(4)
    const slots = [pool.landing, ...takeAll(pool)].toSorted((a, b) => a.start - b.start)
    let freeFrom = BASE
    for (const { start, view } of slots) {
      expect(start - SLOT_HEADROOM).toBeGreaterThanOrEqual(freeFrom)
      expect(view.length).toBe(SLOT_BYTES)
      freeFrom = start + SLOT_BYTES + SLOT_TAILROOM
    }
    expect(freeFrom).toBeLessThanOrEqual(BASE + SlotPool.bytesNeeded(4))
  })

  it('hands out positions in its memory that are those of the view', () => {
    const pool = openPool(1)
    const slot = pool.take()!
    slot.view.write('content', 10, 'latin1')
    expect(pool.memory.toString('latin1', slot.start + 10, slot.start + 17)).toBe('content')
  })

  it('takes the slot that came back last first: it is the warm one', () => {
    const pool = openPool(3)
    const [a, b] = takeAll(pool)
    pool.give(a!)
    pool.give(b!)
    expect(pool.take()).toBe(b)
    expect(pool.take()).toBe(a)
  })
})

describe('a slot that writes still refer to', () => {
  it('is not lent again before the last of them has ended', () => {
    const pool = openPool(1)
    const slot = pool.take()!
    slot.lent = 2
    pool.give(slot)
    expect(pool.take()).toBeNull()
    expect(pool.taken).toBe(1)
    pool.settle(slot)
    expect(pool.take()).toBeNull()
    pool.settle(slot)
    expect(pool.taken).toBe(0)
    expect(pool.take()).toBe(slot)
  })

  it('stays with its holder when the writes end first', () => {
    const pool = openPool(1)
    const slot = pool.take()!
    slot.lent = 1
    pool.settle(slot)
    expect(pool.take()).toBeNull()
    pool.give(slot)
    expect(pool.take()).toBe(slot)
  })
})

describe('whatever holders and writes do', () => {
  it('no slot is ever with two holders, or with a holder while a write of another refers to it, and all come back', () => {
    const step = fc.record({ kind: fc.constantFrom('take', 'give', 'write', 'settle'), pick: fc.nat(100) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), steps => {
        const pool = openPool(3)
        const held: Slot[] = []
        const writes: Slot[] = []
        for (const { kind, pick } of steps) {
          if (kind === 'take') {
            const slot = pool.take()
            if (slot === null) continue
            expect(held.includes(slot) || writes.includes(slot)).toBe(false)
            held.push(slot)
          } else if (kind === 'give' && held.length > 0) {
            pool.give(held.splice(pick % held.length, 1)[0]!)
          } else if (kind === 'write' && held.length > 0) {
            const slot = held[pick % held.length]!
            slot.lent += 1
            writes.push(slot)
          } else if (kind === 'settle' && writes.length > 0) {
            pool.settle(writes.splice(pick % writes.length, 1)[0]!)
          }
          expect(pool.taken).toBe(new Set([...held, ...writes]).size)
        }
        for (const slot of held) pool.give(slot)
        for (const slot of writes) pool.settle(slot)
        expect(pool.taken).toBe(0)
        expect(takeAll(pool).length).toBe(3)
      }),
    )
  })
})
