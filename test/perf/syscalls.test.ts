import { describe, expect, it } from 'vitest'
import { formatCalls } from '../../perf/syscalls/command.ts'
import { parsePerf, parseStrace } from '../../perf/syscalls/tracer.ts'

const STRACE = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 62.11    0.204321          10     19994           write
 30.02    0.098765           4     20004        12 read
  7.87    0.025891          83       310           epoll_pwait
  0.00    0.000000           0         1         1 futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.328977           8     40309        13 total
`

const PERF = `# started on Thu Jan  1 00:00:00 2026

2000,,syscalls:sys_enter_read,1002345,100.00,,
2010,,syscalls:sys_enter_write,1002345,100.00,,
<not counted>,,syscalls:sys_enter_futex,0,100.00,,
4100,,raw_syscalls:sys_enter,1002345,100.00,,
`

describe('the report', () => {
  it('of strace is read, with errors where there were some', () => {
    expect(parseStrace(STRACE)).toEqual([
      { name: 'write', calls: 19_994, errors: 0 },
      { name: 'read', calls: 20_004, errors: 12 },
      { name: 'epoll_pwait', calls: 310, errors: 0 },
      { name: 'futex', calls: 1, errors: 1 },
    ])
  })

  it('of perf is read, and calls that have no counter of their own are the others', () => {
    expect(parsePerf(PERF)).toEqual([
      { name: 'read', calls: 2000, errors: null },
      { name: 'write', calls: 2010, errors: null },
      { name: 'others', calls: 90, errors: null },
    ])
  })

  it('of nothing has nothing in it', () => {
    expect(parseStrace('')).toEqual([])
    expect(parsePerf('')).toEqual([])
  })
})

describe('the table', () => {
  it('has calls a request, most first, and their sum', () => {
    expect(formatCalls(parseStrace(STRACE), 10_000).split('\n')).toEqual([
      '   calls   errors  a request',
      '   2.000    0.001  read',
      '   1.999    0.000  write',
      '   0.031    0.000  epoll_pwait',
      '   0.000    0.000  futex',
      '   4.031    0.001  all',
    ])
  })

  it('says where errors are not known', () => {
    expect(formatCalls(parsePerf(PERF), 1000)).toContain('   4.100        -  all')
  })
})
