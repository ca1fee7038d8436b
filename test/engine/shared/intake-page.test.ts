import { describe, expect, it } from 'vitest'
import { createIntakeMemory, IntakePage } from '../../../engine/shared/intake-page.ts'

describe('what workers share of those who came in', () => {
  it('is what the others have open of an address, never less', () => {
    const memory = createIntakeMemory(3)
    const pages = [0, 1, 2].map(() => new IntakePage(memory))
    for (let client = 0; client < 2000; client += 1) {
      for (let times = 0; times < client % 4; times += 1)
        pages[client % 3]!.add(client % 3, `10.0.${client >> 8}.${client & 255}`, 1)
    }
    let over = 0
    for (let client = 0; client < 2000; client += 1) {
      const open = pages[0]!.openElsewhere(0, `10.0.${client >> 8}.${client & 255}`)
      const expected = client % 3 === 0 ? 0 : client % 4
      expect(open).toBeGreaterThanOrEqual(expected)
      if (open > expected) over += 1
    }
    expect(over).toBeLessThan(5)
  })

  it('is gone with the worker', () => {
    const memory = createIntakeMemory(2)
    const page = new IntakePage(memory)
    page.add(0, '192.0.2.1', 1)
    page.add(1, '192.0.2.1', 1)
    page.clear(0)
    expect([page.openElsewhere(0, '192.0.2.1'), page.openElsewhere(1, '192.0.2.1')]).toEqual([1, 0])
  })

  it('falls together differently for each socket', () => {
    const [first, second] = [0, 1].map(() => new Int32Array(createIntakeMemory(1), 0, 2))
    expect([...first!]).not.toEqual([...second!])
  })
})
