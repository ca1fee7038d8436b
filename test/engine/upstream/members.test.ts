import { describe, expect, it } from 'vitest'
import { Members } from '../../../engine/upstream/members.ts'

function members(): Members {
  return new Members([
    { column: 4, weight: 1, server: 'a:80', name: 'a:80' },
    { column: 2, weight: 3, server: 'b:80', name: '10.0.0.1:80' },
    { column: 9, weight: 2, server: 'b:80', name: '10.0.0.2:80' },
  ])
}

describe('members', () => {
  it('are all available with their whole weight at first, in the order of the configuration', () => {
    const all = members()
    expect([all.count, all.availableCount, all.version]).toEqual([3, 3, 0])
    expect([...all.columns]).toEqual([4, 2, 9])
    expect([...all.effective]).toEqual([...all.weights])
    expect(all.servers).toEqual(['a:80', 'b:80', 'b:80'])
    expect(all.names).toEqual(['a:80', '10.0.0.1:80', '10.0.0.2:80'])
  })

  it('change their version with who is available, and with how much they weigh, and with nothing else', () => {
    const all = members()
    expect(all.update(Uint8Array.of(1, 1, 1), Float64Array.of(1, 3, 2))).toBe(false)
    expect(all.version).toBe(0)
    expect(all.update(Uint8Array.of(1, 0, 1), Float64Array.of(1, 3, 2))).toBe(true)
    expect([all.version, all.availableCount, ...all.available]).toEqual([1, 2, 1, 0, 1])
    expect(all.update(Uint8Array.of(1, 0, 1), Float64Array.of(1, 3, 0.5))).toBe(true)
    expect([all.version, all.availableCount, ...all.effective]).toEqual([2, 2, 1, 3, 0.5])
  })

  it('keep nothing of the arrays that an update came in', () => {
    const all = members()
    const available = Uint8Array.of(0, 1, 1)
    all.update(available, Float64Array.of(1, 3, 2))
    available.fill(0)
    expect([...all.available]).toEqual([0, 1, 1])
  })
})
