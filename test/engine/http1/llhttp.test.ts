import { describe, expect, it } from 'vitest'
import {
  closeParser,
  llhttp,
  memory,
  openParser,
  PARSERS_MAX,
  parserCount,
  REQUEST,
  RESPONSE,
  replay,
  slots,
} from '../../../engine/http1/llhttp.ts'
import { SLOT_BYTES } from '../../../engine/net/slots.ts'
import { feed } from './feed.ts'

describe('the memory of the parsers', () => {
  it('never grows: it has room for as many parsers as may live, and refuses one more', () => {
    const bytes = llhttp.memory.buffer.byteLength
    const parsers: number[] = []
    for (let count = parserCount(); count < PARSERS_MAX; count += 1) {
      parsers.push(openParser(count % 2 === 0 ? REQUEST : RESPONSE))
      if (llhttp.memory.buffer.byteLength !== bytes) break
    }
    const grewAt = llhttp.memory.buffer.byteLength === bytes ? null : parsers.length
    const oneTooMany = openParser(REQUEST)
    for (const parser of parsers) closeParser(parser)
    expect(grewAt).toBeNull()
    expect(oneTooMany).toBe(0)
    expect(parsers).not.toContain(0)
    expect(memory.length).toBe(bytes)
    const again = openParser(REQUEST)
    expect(again).not.toBe(0)
    closeParser(again)
  })

  it('never grows when connections of both sides come and go in any order', () => {
    const bytes = llhttp.memory.buffer.byteLength
    const parsers: number[] = []
    for (let round = 0; round < 20_000; round += 1) {
      if (parsers.length < 5_000 || round % 3 === 0) parsers.push(openParser(1 + (round % 2)))
      else closeParser(parsers.splice((round * 7_919) % parsers.length, 1)[0]!)
    }
    for (const parser of parsers) closeParser(parser)
    expect(llhttp.memory.buffer.byteLength).toBe(bytes)
  })

  it('holds the slots where parsers do not write', () => {
    const taken = Array.from({ length: 20 }, () => slots.take()!)
    for (const [index, slot] of [slots.landing, ...taken].entries()) slot.view.fill(index)
    const parsers = Array.from({ length: 1_000 }, () => openParser(REQUEST))
    for (const [index, slot] of [slots.landing, ...taken].entries()) {
      expect(slot.view.every(byte => byte === index)).toBe(true)
      expect(slot.start + SLOT_BYTES).toBeLessThanOrEqual(memory.length)
    }
    for (const parser of parsers) closeParser(parser)
    for (const slot of taken) slots.give(slot)
  })
})

describe('a replay', () => {
  it('puts up to a whole read where it can be parsed, apart from the slots', () => {
    const bytes = Buffer.alloc(SLOT_BYTES, 'r')
    slots.landing.view.fill('l')
    const start = replay(bytes)
    expect(memory.subarray(start, start + SLOT_BYTES).equals(bytes)).toBe(true)
    expect(slots.landing.view.every(byte => byte === 0x6c)).toBe(true)
    const overlaps = start < slots.landing.start + SLOT_BYTES && slots.landing.start < start + SLOT_BYTES
    expect(overlaps).toBe(false)
    expect(feed(REQUEST, ['GET / HTTP/1.1\r\n\r\n']).messages).toMatchObject([{ complete: true }])
  })
})
