import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorCode } from '../../../../engine/exchange/errors.ts'
import { outcomeOfCall, readStatus, statusOfError, statusOfHttp } from '../../../../engine/exchange/grpc/status.ts'
import { GATEWAY_ERROR, GOOD, SERVER_ERROR } from '../../../../engine/upstream/health/outcome.ts'

describe('a status of HTTP', () => {
  it.each([
    [400, 13],
    [401, 16],
    [403, 7],
    [404, 12],
    [413, 8],
    [429, 14],
    [431, 8],
    [500, 2],
    [502, 14],
    [503, 14],
    [504, 14],
    [418, 2],
  ])('of %i is %i to a call', (status, expected) => expect(statusOfHttp(status)).toBe(expected))
})

describe('an error', () => {
  it('is a deadline where ours has passed', () => {
    const late = Object.keys(ERRORS).filter(code => statusOfError(code as ErrorCode) === 4)
    expect(late).toEqual(['grpc_deadline', 'exchange_timeout', 'upstream_response_timeout', 'upstream_idle_timeout'])
  })

  it('is never a success', () => {
    for (const code of Object.keys(ERRORS)) expect(statusOfError(code as ErrorCode)).toBeGreaterThan(0)
  })
})

describe('the status of a call', () => {
  it.each([
    ['0', 0],
    ['16', 16],
    ['007', 7],
    ['', -1],
    ['1000', -1],
    ['OK', -1],
    ['-1', -1],
  ])('is read from %j as %i', (value, status) => expect(readStatus(value)).toBe(status))

  it('is a failure of the endpoint where it is the fault of the server', () => {
    const outcomes = Array.from({ length: 17 }, (_, status) => outcomeOfCall(status, false))
    const bad = outcomes.flatMap((outcome, status) => (outcome === GOOD ? [] : [[status, outcome]]))
    expect(bad).toEqual([
      [2, SERVER_ERROR],
      [4, GATEWAY_ERROR],
      [13, SERVER_ERROR],
      [14, GATEWAY_ERROR],
      [15, SERVER_ERROR],
    ])
    expect(outcomeOfCall(4, true)).toBe(GOOD)
    expect(outcomeOfCall(-1, false)).toBe(GOOD)
  })
})
