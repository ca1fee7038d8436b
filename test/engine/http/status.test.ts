import { STATUS_CODES } from 'node:http'
import { describe, expect, it } from 'vitest'
import { statusText } from '../../../engine/http/status.ts'

/** Where Node keeps an older phrase, or one that never came into the registry. */
const OTHERWISE: Readonly<Record<string, string>> = { 413: 'Content Too Large', 422: 'Unprocessable Content', 509: '' }

describe('the text of a status', () => {
  it('has the reason phrase of the registry', () => {
    for (const [status, reason] of Object.entries(STATUS_CODES)) {
      expect(statusText(Number(status))).toBe(`${status} ${OTHERWISE[status] ?? reason}`)
    }
  })

  it('has none for a status that the registry does not know, but the space that the status line needs', () => {
    expect(statusText(299)).toBe('299 ')
  })
})
