import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { slots } from '../../../engine/http1/llhttp.ts'
import { Connection } from '../../../engine/net/connection.ts'
import type { IntroducedClient } from '../../../engine/net/proxy-protocol/opening.ts'
import type { Http1ClientSession } from '../../../engine/upstream/http1-client-session.ts'
import type { Http1Pool } from '../../../engine/upstream/http1-pool.ts'
import { mutedHandle } from '../../../perf/micro/net/muted-handle.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { Crew, endpointNamed } from './crew.ts'

/** Sessions here dial an address where nobody is; what becomes of that nobody waits to see. */

let crew: Crew
let pool: Http1Pool
function open(settings: Omit<TestUpstream, 'endpoints'>, connectionsMax = 0): void {
  crew = new Crew({ endpoints: [endpointNamed('a', { connectionsMax })], ...settings })
  pool = crew.endpoint('a').pool as Http1Pool
}
beforeEach(() => open({}))
afterEach(() => crew.upstream.close())

const acquire = (mayPipeline = false) => pool.acquire(mayPipeline, null) as Http1ClientSession
const used = () => crew.page.rows[0]!.connections[0]

describe('a pool of HTTP/1.1', () => {
  it('lends the session that came back last, and closes the one that has been idle for longest', () => {
    const [first, second, third] = [acquire(), acquire(), acquire()]
    for (const session of [first, second, third]) pool.giveBack(session)
    expect(pool.idleCount).toBe(3)
    expect(acquire()).toBe(third)
    expect(pool.closeIdle(1)).toBe(1)
    expect([first.closed, second.closed]).toEqual([true, false])
    expect(pool.closeIdle(5)).toBe(1)
    expect(pool.size).toBe(1)
    third.close()
  })

  it('keeps no more idle ones than it may', () => {
    open({ pool: { idleMax: 1 } })
    const [first, second] = [acquire(), acquire()]
    pool.giveBack(first)
    pool.giveBack(second)
    expect([pool.idleCount, first.closed, second.closed]).toEqual([1, false, true])
  })

  it('closes what is idle and what becomes idle, once it is closed', () => {
    const [first, second] = [acquire(), acquire()]
    pool.giveBack(first)
    pool.close()
    pool.giveBack(second)
    expect([first.closed, second.closed, pool.size]).toEqual([true, true, 0])
  })

  it('forgets a session that has closed by itself', () => {
    const session = acquire()
    pool.giveBack(session)
    session.close()
    expect([pool.size, pool.idleCount, pool.hasSpare]).toEqual([0, 0, false])
    expect(acquire()).not.toBe(session)
  })
})

describe('a pool of HTTP/1.1 whose connections tell of a client', () => {
  beforeEach(() => open({ proxyProtocol: { version: 2, details: [] } }))

  const client = (): IntroducedClient => {
    const connection = { transport: mutedHandle(), tls: null, proxied: null }
    return { connection, serverName: '', alpn: '', uniqueId: '' }
  }
  const opened = () => new Connection({ slots, wheel: crew.wheels[0]!, onFault: () => undefined }, mutedHandle())

  it('has one for each request, even of the same client', () => {
    const one = client()
    const all = [pool.acquire(true, one), pool.acquire(true, one), pool.acquireNew(one)]
    expect([new Set(all).size, pool.size, pool.hasSpare]).toEqual([3, 3, false])
  })

  it('gives one that was opened in its name to the request that it was opened for, and to no other', () => {
    const [one, other] = [client(), client()]
    pool.adopt(opened(), false, one)
    expect(pool.idleCount).toBe(1)
    const [theirs, ours] = [pool.acquire(false, other), pool.acquire(false, one)]
    expect([theirs?.open, ours?.open, pool.idleCount, pool.size]).toEqual([false, true, 0, 2])
    expect(pool.acquire(false, one)?.open).toBe(false)
  })

  it('forgets whom one was opened for when it is closed', () => {
    const one = client()
    pool.adopt(opened(), false, one)
    expect(pool.closeIdle(1)).toBe(1)
    expect(pool.acquire(false, one)?.open).toBe(false)
  })
})

describe('a pool of HTTP/1.1 with a limit on connections', () => {
  beforeEach(() => open({ queue: {} }, 2))

  it('lends no more than that, and again what has come back or closed', () => {
    const [first, second] = [acquire(), acquire()]
    expect([pool.acquire(false, null), used(), pool.hasSpare]).toEqual([null, 2, false])
    pool.giveBack(first)
    expect([pool.hasSpare, acquire()]).toEqual([true, first])
    second.close()
    expect(used()).toBe(1)
    expect(acquire()).not.toBe(null)
    expect(pool.acquire(false, null)).toBe(null)
    pool.close()
  })

  it('gives an idle one up for one that has to be new', () => {
    const [first, second] = [acquire(), acquire()]
    pool.giveBack(first)
    const fresh = pool.acquireNew(null) as Http1ClientSession
    expect([fresh === first, fresh === second, first.closed, used()]).toEqual([false, false, true, 2])
    expect(pool.acquireNew(null)).toBe(null)
  })

  it('gives each place back once', () => {
    const session = acquire()
    session.close()
    session.givePermitBack()
    session.close()
    expect(used()).toBe(0)
  })

  it('keeps its place for whoever took the connection over, until that is closed', () => {
    const session = acquire()
    session.release()
    expect([used(), pool.size, session.closed]).toEqual([1, 0, true])
    session.givePermitBack()
    expect(used()).toBe(0)
  })
})
