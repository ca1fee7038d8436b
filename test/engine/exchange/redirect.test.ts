import { describe, expect, it } from 'vitest'
import { linesOf, NO_MESSAGE_EDITS } from '../../../engine/exchange/answer.ts'
import { Redirect } from '../../../engine/exchange/redirect.ts'
import { compileMessageEdits } from '../../../engine/rewriting/message-edits.ts'
import { NO_RESPONSE } from '../../../engine/rewriting/template.ts'
import type { Template } from '../../../engine/snapshot.ts'
import { NO_EDITS } from '../../support/snapshot.ts'
import { ofRequest } from '../routing/request-head.ts'

function locationOf(to: Template, target: string, keepsQuery = true): string {
  const redirect = new Redirect({ kind: 'redirect', status: 302, to, keepsQuery }, NO_MESSAGE_EDITS, 'old')
  return ofRequest(target, [], request => redirect.location(request))
}

describe('the query of a redirect', () => {
  it.each([
    ['/x', '/a?b=1&c', '/x?b=1&c'],
    ['/x?y=1', '/a?b=1', '/x?y=1&b=1'],
    ['/x?', '/a?b=1', '/x?b=1'],
    ['/x?y&', '/a?b=1', '/x?y&b=1'],
    ['/x#z', '/a?b=1', '/x?b=1#z'],
    ['/x?y#z?', '/a?b=1', '/x?y&b=1#z?'],
    ['/x', '/a?', '/x'],
    ['/x', '/a', '/x'],
    ['/x', '/a?b=%0D%0Ac', '/x?b=%0D%0Ac'],
    ['/x', '/a?b="|', '/x?b=%22%7C'],
  ])('is that of the request behind its own: %s', (to, target, location) => {
    expect(locationOf(to, target)).toBe(location)
  })

  it('is its own only where the client is not to bring one', () => {
    expect(locationOf('/x', '/a?b', false)).toBe('/x')
    expect(locationOf('/x?y', '/a?b', false)).toBe('/x?y')
  })
})

it("has the route's changes to the response in its head", () => {
  const changes = compileMessageEdits(
    { ...NO_EDITS, set: [['Cache-Control', 'no-store']], add: [['X-Id', [{ kind: 'request_id' }]]] },
    'response',
    'old',
  )
  const redirect = new Redirect({ kind: 'redirect', status: 308, to: '/x', keepsQuery: false }, changes, 'old')
  const answer = ofRequest('/', [], request => redirect.answer(request))
  const head = answer.head.toString()
  expect(head).toMatch(/^HTTP\/1\.1 308 Permanent Redirect\r\nLocation: \/x\r\n/)
  expect(ofRequest('/', [], request => linesOf(answer, request, NO_RESPONSE))).toBe(
    'Cache-Control: no-store\r\nX-Id: id-1\r\n',
  )
  expect(answer.content.length).toBe(0)
  expect(head).toContain('Content-Length: 0\r\n')
})
