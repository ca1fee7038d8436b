import { describe, expect, it } from 'vitest'
import { codeOf, isRetried, outcomeOf } from '../../../engine/exchange/session-errors.ts'
import type { Address } from '../../../engine/snapshot.ts'
import { connectErrorOf } from '../../../engine/upstream/connect-error.ts'
import { NOT_CONNECTED } from '../../../engine/upstream/health/outcome.ts'

const HOST: Address = { kind: 'tcp', host: '127.0.0.1', port: 80 }
const PATH: Address = { kind: 'unix', path: '/run/origin.sock' }
const RETRY = { onConnect: true, onReset: false, onTimeout: false } as Parameters<typeof isRetried>[1]

describe('a connection to an endpoint that could not be opened', () => {
  it('for want of a descriptor, a port or memory says nothing of the endpoint, and the request may go elsewhere', () => {
    for (const error of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN']) {
      const met = connectErrorOf(error, HOST)
      expect([error, outcomeOf(met), codeOf(met)]).toEqual([error, null, 'upstream_connect_failed'])
      expect(isRetried(met, RETRY)).toBe(true)
    }
  })

  it('for any other reason is a failure of the endpoint', () => {
    for (const error of ['ECONNREFUSED', 'EHOSTUNREACH', 'CERT_HAS_EXPIRED', 'ETIMEDOUT']) {
      expect([error, outcomeOf(connectErrorOf(error, HOST))]).toEqual([error, NOT_CONNECTED])
    }
    // Its backlog is full.
    expect(outcomeOf(connectErrorOf('EAGAIN', PATH))).toBe(NOT_CONNECTED)
    expect(codeOf(connectErrorOf('ETIMEDOUT', HOST))).toBe('upstream_connect_timeout')
  })
})
