import { describe, expect, it } from 'vitest'
import { parseCoreList, pinned, splitCores } from '../../../native-bench/frame/cores.ts'

const TASKSET = 'taskset'

describe('the cores', () => {
  it('are split: the proxy has the first, load and origin the others', () => {
    expect(splitCores(1, [0, 1, 2, 3], TASKSET)).toEqual({ proxy: '0', others: '1,2,3', count: 4, note: null })
    expect(splitCores(2, [0, 1, 2, 3], TASKSET)).toEqual({ proxy: '0,1', others: '2,3', count: 4, note: null })
  })

  it('are shared, and said to be, where there are too few for the workers', () => {
    const { proxy, others, note } = splitCores(2, [0, 1], TASKSET)
    expect([proxy, others]).toEqual(['0,1', '1'])
    expect(note).toContain('2 workers on 2 cores')
  })

  it('are left to the system, and said to be, where there is one core or no taskset', () => {
    expect(splitCores(1, [0], TASKSET)).toMatchObject({
      proxy: null,
      others: null,
      note: expect.stringContaining('one'),
    })
    expect(splitCores(1, [0, 1], null)).toMatchObject({ proxy: null, note: expect.stringContaining('no taskset') })
    expect(pinned(null, 'nginx', ['-v'])).toEqual(['nginx', '-v'])
    expect(pinned('0', 'nginx', ['-v'])).toEqual(['taskset', '-c', '0', 'nginx', '-v'])
  })

  it('are listed as the system writes them', () => {
    expect(parseCoreList('0-2,8')).toEqual([0, 1, 2, 8])
    expect(parseCoreList('')).toEqual([])
  })
})
