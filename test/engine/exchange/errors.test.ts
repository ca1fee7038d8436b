import { readFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorRow } from '../../../engine/exchange/errors.ts'

const PAGE = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')

interface DocumentedRow extends ErrorRow {
  readonly code: string
  readonly happened: string
  readonly remedy: string
}

/** Rows of the first table, that of exchanges: those whose first cell is a code. */
const DOCUMENTED: readonly DocumentedRow[] = PAGE.replace(/^## Flows$.*/ms, '')
  .split('\n')
  .filter(line => /^\| `\w+` \|/.test(line))
  .map(line => {
    const [code = '', status, flag = '', side, happened = '', remedy = '', ...more] = line
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim())
    expect(more, line).toEqual([])
    return {
      code: code.replaceAll('`', ''),
      status: Number(status),
      flag: flag.replaceAll('`', ''),
      side: side as ErrorRow['side'],
      happened,
      remedy,
    }
  })

const ROWS = Object.entries(ERRORS) as [string, ErrorRow][]

describe('the catalogue of errors', () => {
  it('is documented row by row, in its order, with the same status, flag and side', () => {
    expect(DOCUMENTED.map(({ code, status, flag, side }) => ({ code, status, flag, side }))).toEqual(
      ROWS.map(([code, row]) => ({ code, status: row.status, flag: row.flag, side: row.side })),
    )
  })

  it('says of each what happened and what to do, in whole sentences', () => {
    const incomplete = DOCUMENTED.filter(
      row => ![row.happened, row.remedy].every(text => /^[A-Z].{8,}[.?]$/.test(text)),
    )
    expect(incomplete.map(row => row.code)).toEqual([])
  })

  it('has statuses that tell the side: 4xx for the client, 5xx for what lies behind, and none where nobody listens', () => {
    for (const [code, { status, side }] of ROWS) {
      if (status === 0) continue
      expect(STATUS_CODES[status], code).toBeDefined()
      if (side === 'upstream') expect(status, code).toBeGreaterThanOrEqual(500)
    }
  })

  it('has codes in snake case and flags of capitals', () => {
    expect(ROWS.filter(([code, { flag }]) => !/^[a-z]+(?:_[a-z]+)*$/.test(code) || !/^[A-Z]{2,3}$/.test(flag))).toEqual(
      [],
    )
  })
})
