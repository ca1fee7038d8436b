import { describe, expect, it } from 'vitest'
import { ENDPOINT_CELLS, FIRST_BYTE_US, PEAK_AT, RESPONSE_US } from '../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { MemberLoads } from '../../../engine/upstream/member-loads.ts'
import { Members } from '../../../engine/upstream/members.ts'

const COLUMNS = [7, 3, 20]
const members = new Members(COLUMNS.map(column => ({ column, weight: 1, server: '10.0.0.1:80', name: '10.0.0.1:80' })))

function rowsOf(page: StatePage): Int32Array[] {
  return page.rows.map(row => row.inFlight)
}

describe('requests under way', () => {
  it.each([1, 2, 3, 4, 5, 8])('are added up over %i workers', workers => {
    const page = StatePage.create(workers, 21)
    const loads = new MemberLoads(members, rowsOf(page), page.endpointCells)
    for (const [row, { inFlight }] of page.rows.entries())
      for (const column of COLUMNS) inFlight[column] = 10 ** row + column
    const sum = Array.from({ length: workers }, (_, row) => 10 ** row).reduce((total, count) => total + count, 0)
    expect([0, 1, 2].map(place => loads.requests(place))).toEqual(COLUMNS.map(column => sum + workers * column))
  })

  it('are read as they are now', () => {
    const page = StatePage.create(2, 21)
    const loads = new MemberLoads(members, rowsOf(page), page.endpointCells)
    expect(loads.requests(1)).toBe(0)
    page.rows[1]!.inFlight[3] = 5
    expect(loads.requests(1)).toBe(5)
  })

  it('are refused from rows that do not lie in one state page', () => {
    const [one, other] = [StatePage.create(1, 21), StatePage.create(1, 21)]
    const rows = [one.rows[0]!.inFlight, other.rows[0]!.inFlight]
    expect(() => new MemberLoads(members, rows, one.endpointCells)).toThrow('one state page')
    const three = rowsOf(StatePage.create(3, 21))
    expect(() => new MemberLoads(members, [three[0]!, three[2]!, three[1]!], one.endpointCells)).toThrow(
      'one state page',
    )
  })
})

describe('times', () => {
  it('are those of the member, with their age', () => {
    const page = StatePage.create(1, 21)
    const loads = new MemberLoads(members, rowsOf(page), page.endpointCells)
    page.endpointCells[3 * ENDPOINT_CELLS + FIRST_BYTE_US] = 11
    page.endpointCells[3 * ENDPOINT_CELLS + RESPONSE_US] = 22
    page.endpointCells[3 * ENDPOINT_CELLS + PEAK_AT] = 1000
    expect([loads.timeUs(1, FIRST_BYTE_US), loads.timeUs(1, RESPONSE_US), loads.ageMs(1, 1500)]).toEqual([11, 22, 500])
    expect(loads.timeUs(0, FIRST_BYTE_US)).toBe(0)
  })
})
