import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FLOW_ERRORS } from '../../../engine/l4/errors.ts'

const [, flows = ''] = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8').split(/^## Flows$/m)

/** Rows of the table: those whose first cell is a code. */
const DOCUMENTED = flows
  .split('\n')
  .filter(line => /^\| `\w+` \|/.test(line))
  .map(line =>
    line
      .slice(1, -1)
      .split('|')
      .map(cell => cell.trim()),
  )

describe('the catalogue of errors of flows', () => {
  it('is documented row by row, in its order, with the same flag and side', () => {
    expect(
      DOCUMENTED.map(([code, flag, side]) => [code?.replaceAll('`', ''), flag?.replaceAll('`', ''), side]),
    ).toEqual(Object.entries(FLOW_ERRORS).map(([code, { flag, side }]) => [code, flag, side]))
  })

  it('says of each what happened and what to do, in whole sentences', () => {
    for (const row of DOCUMENTED) {
      expect(row).toHaveLength(5)
      for (const text of row.slice(3)) expect(text).toMatch(/^[A-Z].{8,}[.?]$/)
    }
  })

  it('has codes in snake case and flags of capitals', () => {
    for (const [code, { flag }] of Object.entries(FLOW_ERRORS)) {
      expect(code).toMatch(/^[a-z]+(?:_[a-z]+)*$/)
      expect(flag).toMatch(/^[A-Z]{2}$/)
    }
  })
})
