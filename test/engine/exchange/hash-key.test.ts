import { describe, expect, it } from 'vitest'
import { hashKey } from '../../../engine/exchange/hash-key.ts'
import { createForwarding } from '../../../engine/http/head-writer.ts'
import type { RequestSource } from '../../../engine/routing/request.ts'
import { AddressBlocks } from '../../../engine/shared/address-blocks.ts'
import type { HashKeySource } from '../../../engine/snapshot.ts'
import { head } from '../../support/heads.ts'
import { ofRequest } from '../routing/request-head.ts'
import { ofHead } from '../routing/routed.ts'

/** A client at 10.0.0.1, behind proxies in 10/8 and at ::1 that the listener trusts or not. */
function sourceOf(trusted: boolean): RequestSource {
  const blocks = new AddressBlocks(['10.0.0.0/8', '::1'])
  return {
    listener: 'web',
    client: '10.0.0.1:4000',
    forwarding: createForwarding(trusted, false, '10.0.0.1', 'http', 80),
    isTrusted: address => blocks.has(address),
  }
}

function keyOf(source: HashKeySource | null, target: string, fields: readonly string[] = [], trusted = true): string {
  return ofRequest(target, fields, request => hashKey(source, request), sourceOf(trusted))
}

describe('the key of a request', () => {
  it.each([
    ['the value of a field', ['X-User: ann'], 'ann'],
    ['in any case', ['x-uSER: ann'], 'ann'],
    ['all values, in their order', ['X-User: ann', 'Accept: */*', 'X-User: bob'], 'ann, bob'],
    ['nothing where there is none', ['X-Users: ann'], ''],
    ['octets as they are', ['X-User: \xe4\xff'], '\xe4\xff'],
  ])('is %s', (_, fields, key) => {
    expect(keyOf({ kind: 'header', name: 'x-user' }, '/', fields)).toBe(key)
  })

  it('is the value of a cookie', () => {
    expect(keyOf({ kind: 'cookie', name: 'user' }, '/', ['Cookie: a=1; user=ann'])).toBe('ann')
    expect(keyOf({ kind: 'cookie', name: 'user' }, '/')).toBe('')
  })

  it.each([
    ['/?user=ann', 'ann'],
    ['/x?a=1&user=ann&b=2', 'ann'],
    ['/x?user=ann&user=bob', 'ann'],
    ['/x?user=a%20b+c', 'a%20b+c'],
    ['/x?user=a=b', 'a=b'],
    ['/x?users=1&user', ''],
    ['/x?user=', ''],
    ['/x?', ''],
    ['/user=ann', ''],
    ['/x?a=1?user=ann', ''],
    ['http://a/x?user=ann', 'ann'],
  ])('is the value of a parameter: %s', (target, key) => {
    expect(keyOf({ kind: 'query', name: 'user' }, target)).toBe(key)
  })

  it.each([
    ['/a/b', '/a/b'],
    ['/a/b?c=d', '/a/b'],
    ['/?c', '/'],
    ['/a%2Fb//c', '/a%2Fb/c'],
    ['/a/../%7Eb', '/~b'],
    ['http://a/x?y', '/x'],
  ])('is the canonical path: %s', (target, key) => {
    const request = head(`GET ${target} HTTP/1.1`, 'Host: a')
    expect(ofHead(request, routed => hashKey({ kind: 'path' }, routed))).toBe(key)
  })

  it.each([
    ['the peer where nobody says more', [], '10.0.0.1'],
    ['who it says', ['X-Forwarded-For: 192.0.2.1'], '192.0.2.1'],
    ["the last that is no proxy's", ['X-Forwarded-For: 1.1.1.1, 192.0.2.1, 10.9.9.9'], '192.0.2.1'],
    ['over several lines', ['X-Forwarded-For: 1.1.1.1, 192.0.2.1', 'X-Forwarded-For: 10.9.9.9'], '192.0.2.1'],
    ['the farthest where all are proxies', ['X-Forwarded-For: 10.1.1.1, 10.2.2.2'], '10.1.1.1'],
    ['without a port', ['X-Forwarded-For: 192.0.2.1:4711'], '192.0.2.1'],
    ['of IPv6', ['X-Forwarded-For: 2001:db8::7, ::1'], '2001:db8::7'],
    ['of IPv6 with a port', ['X-Forwarded-For: [2001:db8::7]:4711, [::1]'], '2001:db8::7'],
    ['without empty entries', ['X-Forwarded-For: 192.0.2.1, , 10.9.9.9,'], '192.0.2.1'],
    ['the last that is an address', ['X-Forwarded-For: 192.0.2.1, unknown, 10.9.9.9'], '10.9.9.9'],
    ['the peer where there is no address', ['X-Forwarded-For: _hidden'], '10.0.0.1'],
  ])("is the client's address: %s", (_, fields, key) => {
    expect(keyOf({ kind: 'client_ip' }, '/', fields)).toBe(key)
    expect(keyOf(null, '/', fields)).toBe(key)
    expect(keyOf({ kind: 'client_ip' }, '/', fields, false)).toBe('10.0.0.1')
  })
})
