import { afterEach, describe, expect, it } from 'vitest'
import { Connection } from '../../../engine/net/connection.ts'
import type { IntroducedClient } from '../../../engine/net/proxy-protocol/opening.ts'
import type { ClientSession } from '../../../engine/upstream/client-session.ts'
import type { Endpoint } from '../../../engine/upstream/endpoint.ts'
import type { Http2ClientConnection } from '../../../engine/upstream/http2-client-connection.ts'
import type { Http2ClientStream } from '../../../engine/upstream/http2-client-stream.ts'
import type { Http2Pool } from '../../../engine/upstream/http2-pool.ts'
import type { RequestFate, ResponseReceiver, SessionError } from '../../../engine/upstream/response-receiver.ts'
import { deliver, mutedHandle } from '../../../perf/micro/net/muted-handle.ts'
import {
  dataFrame,
  frame,
  goawayFrame,
  headersFrame,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  PING,
  resetFrame,
  responseFields,
  SETTINGS,
  settingsFrame,
} from '../../support/http2-peer.ts'
import type { TestUpstream } from '../../support/snapshot.ts'
import { Crew, endpointNamed } from './crew.ts'

/** Connections here are opened by the test, or not at all: the address is one where nobody is. */

let crew: Crew
let endpoint: Endpoint
let pool: Http2Pool
function open(settings: Omit<TestUpstream, 'endpoints'> = {}, connectionsMax = 0): void {
  crew = new Crew({ endpoints: [endpointNamed('a', { connectionsMax })], protocol: 'h2c', ...settings })
  endpoint = crew.endpoint('a')
  pool = endpoint.pool as Http2Pool
}
afterEach(() => crew.upstream.close())

class Receiver implements ResponseReceiver {
  readonly takesBulk = true
  readonly told: string[] = []
  readonly isHead = false
  readonly wantsUpgrade = false
  readonly responseTimeoutMs = 30_000
  readonly idleMs = 60_000
  readonly replayBytesMax = 0
  requestStart = 0
  requestEnd = 0
  onConnected(): void {
    this.told.push('connected')
  }
  onInterim(): void {}
  onResponseHead(): void {
    this.told.push('head')
  }
  onResponseContent(): void {}
  onResponseFlush(): void {}
  onRequestDrain(): void {}
  onSwitch(): void {}
  onResponseEnd(): void {
    this.told.push('end')
  }
  onSessionError(_session: ClientSession, error: SessionError, fate: RequestFate): void {
    this.told.push(`${error} ${fate}`)
  }
}

/** Begins a request; `null` where there is no room. */
function begin(fresh = false, client: IntroducedClient | null = null) {
  const session = (fresh ? pool.acquireNew(client) : pool.acquire(false, client)) as Http2ClientStream | null
  if (session === null) return null
  const receiver = new Receiver()
  session.prepare().text('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  session.begin(receiver, 0, false)
  session.flush()
  return { session, receiver, told: receiver.told }
}

/** The connection of a session opens; gives what brings frames on it. */
function connect(
  { connection }: { connection: Http2ClientConnection },
  ...settings: readonly (readonly [number, number])[]
) {
  const transport = new Connection(pool.context, mutedHandle())
  connection.onConnect(transport)
  const bring = (...frames: Buffer[]) => deliver(transport, Buffer.concat(frames))
  bring(settingsFrame(...settings), frame(SETTINGS, 1, 0))
  return bring
}

const answer = (stream: number) =>
  Buffer.concat([headersFrame(stream, responseFields(200)), dataFrame(stream, 'x', true)])

describe('a pool of HTTP/2', () => {
  it('has requests share a connection while it is dialled, as many as one may be expected to bear', () => {
    open()
    const all = Array.from({ length: 101 }, () => begin()!.session.connection)
    expect([new Set(all).size, pool.size, pool.hasSpare]).toEqual([2, 2, true])
  })

  it('goes by what the endpoint said last, and by its own limit', () => {
    open({ http2: { streamsMax: 3 } })
    const first = begin()!
    const bring = connect(first.session, [MAX_CONCURRENT_STREAMS, 2])
    bring(answer(1))
    expect(first.told).toEqual(['connected', 'head', 'end'])
    const connections = Array.from({ length: 5 }, () => begin()!.session.connection)
    expect(connections.map(connection => connections.indexOf(connection))).toEqual([0, 0, 2, 2, 4])
  })

  it('gives what waits on a connection that bears less than expected to others', () => {
    open()
    const all = Array.from({ length: 3 }, () => begin()!)
    connect(all[0]!.session, [MAX_CONCURRENT_STREAMS, 1])
    expect(all.map(({ session }) => session.open)).toEqual([true, false, false])
    expect(new Set(all.map(({ session }) => session.connection)).size).toBe(3)
    connect(all[2]!.session, [MAX_CONCURRENT_STREAMS, 1])
    expect(all.map(({ told }) => told)).toEqual([['connected'], [], ['connected']])
  })

  it('does not look for connections for ever where none takes a request', () => {
    open()
    const { session } = begin()!
    for (let round = 0; round < 5; round += 1) connect(session, [MAX_CONCURRENT_STREAMS, 0])
    expect(pool.size).toBeLessThan(5)
    session.close()
  })

  it('lends a connection that nobody has had a response on where that is asked for', () => {
    open()
    const first = begin()!
    connect(first.session)(answer(1))
    expect(begin()!.session.connection).toBe(first.session.connection)
    const [second, third] = [begin(true)!, begin(true)!]
    expect(second.session.connection).not.toBe(first.session.connection)
    expect(third.session.connection).toBe(second.session.connection)
  })

  it('lends one that bears others where no other is to be had', () => {
    open({}, 1)
    const [first, second] = [begin()!, begin()!]
    const bring = connect(first.session)
    bring(resetFrame(3, 7))
    expect(second.told).toEqual(['connected', 'stream_refused 0'])
    const again = begin(true)!
    expect(again.session.connection).toBe(first.session.connection)
    bring(answer(5), answer(1))
    expect([first.told, again.told]).toEqual([
      ['connected', 'head', 'end'],
      ['head', 'end'],
    ])
  })

  it('lends none that is about to end', () => {
    open()
    const all = [begin()!, begin()!]
    const bring = connect(all[0]!.session)
    const others: unknown[] = []
    for (const { receiver } of all) receiver.onSessionError = () => others.push(begin()!.session.connection)
    bring(goawayFrame(0, 0))
    expect(new Set(others).size).toBe(1)
    expect(others.includes(all[0]!.session.connection)).toBe(false)
    const next = begin()!
    expect(next.session.connection.link === null).toBe(true)
    connect(next.session)
    next.receiver.onSessionError = () => others.push(begin()!.session.connection)
    next.session.connection.link!.destroy()
    expect(others.at(-1) === next.session.connection).toBe(false)
  })

  it('gives up a dial that nobody waits for any more', () => {
    open()
    const { session, receiver } = begin()!
    session.cancel(receiver)
    expect([pool.size, session.closed]).toEqual([0, true])
  })

  it('keeps no connection that has never had a stream', () => {
    open()
    const { session } = begin()!
    session.webSocketKey = 'key'
    const transport = new Connection(pool.context, mutedHandle())
    session.connection.onConnect(transport)
    expect(pool.size).toBe(1)
    session.close()
    expect([pool.size, transport.closed || transport.writeEnded]).toEqual([0, true])
  })

  it('closes what is idle, and keeps no more of it than it may', () => {
    open({ pool: { idleMax: 1 }, http2: { streamsMax: 1 } })
    const all = [begin()!, begin()!]
    const bring = all.map(({ session }) => connect(session))
    bring[0]!(answer(1))
    bring[1]!(answer(1))
    expect([pool.size, pool.idleCount, pool.closeIdle(5), pool.size]).toEqual([1, 1, 1, 0])
  })

  it('lets what runs end when it is closed', () => {
    open()
    const { session, told } = begin()!
    const bring = connect(session)
    pool.close()
    expect(pool.size).toBe(1)
    bring(answer(1))
    expect([told.at(-1), pool.size]).toEqual(['end', 0])
  })

  it('tells all that wait when the endpoint cannot be reached', () => {
    open()
    const all = [begin()!, begin()!]
    all[0]!.session.connection.onConnectError('ECONNREFUSED')
    expect(all.map(({ told }) => told)).toEqual([['connect_failed 0'], ['connect_failed 0']])
    expect([all[0]!.session.systemError, pool.size]).toEqual(['ECONNREFUSED', 0])
  })
})

describe('a pool of HTTP/2 whose connections tell of a client', () => {
  const settings = { proxyProtocol: { version: 2, details: [] } } as const
  const client = (uniqueId: string): IntroducedClient => {
    const connection = { transport: mutedHandle(), tls: null, proxied: null }
    return { connection, serverName: '', alpn: '', uniqueId }
  }

  it('has one for each request, whoever else waits, and lends it to nobody', () => {
    open(settings)
    const one = client('one')
    const all = [begin(false, one)!, begin(true, one)!, begin(false, client('two'))!]
    expect(new Set(all.map(({ session }) => session.connection)).size).toBe(3)
    expect(all.map(({ session }) => session.connection.client?.uniqueId)).toEqual(['one', 'one', 'two'])
    expect([pool.size, pool.hasSpare]).toEqual([3, false])
    const bring = connect(all[0]!.session)
    expect(pool.hasSpare).toBe(false)
    bring(answer(1))
    expect([all[0]!.told, pool.size, pool.idleCount]).toEqual([['connected', 'head', 'end'], 2, 0])
  })

  it('lends none of them to another, even if nobody has used it', () => {
    open(settings)
    const unused = pool.acquire(false, client('one')) as Http2ClientStream
    expect(pool.hasSpare).toBe(false)
    expect(begin(false, client('two'))!.session.connection).not.toBe(unused.connection)
  })

  it('tells of the same client where a request has to wait on another', () => {
    open(settings)
    const { session, told } = begin(false, client('one'))!
    const { connection } = session
    // It goes when the endpoint has said that it takes it.
    session.webSocketKey = 'key'
    connection.onConnect(new Connection(pool.context, mutedHandle()))
    connection.drain()
    expect([session.connection === connection, session.connection.client?.uniqueId]).toEqual([false, 'one'])
    session.webSocketKey = null
    connect(session)(answer(1))
    expect([told, pool.size]).toEqual([['connected', 'head', 'end'], 0])
  })

  it('has no more of them than it may', () => {
    open(settings, 1)
    const { session } = begin(false, client('one'))!
    expect([begin(false, client('two')), begin(true, client('one')), pool.hasSpare]).toEqual([null, null, false])
    connect(session)(answer(1))
    expect(begin(false, client('two'))).not.toBe(null)
  })
})

describe('a pool of HTTP/2 with a limit on connections', () => {
  const used = () => crew.page.rows[0]!.connections[0]

  it('counts connections, and finds no room where they are full of streams', () => {
    open({ http2: { streamsMax: 2 } }, 1)
    const all = [begin()!, begin()!]
    expect([begin(), used(), pool.hasSpare]).toEqual([null, 1, false])
    connect(all[0]!.session)(answer(1))
    expect([pool.hasSpare, begin() === null]).toEqual([true, false])
    expect(used()).toBe(1)
  })

  it('gives a place back when its connection ends, whatever the end', () => {
    open({}, 2)
    const all = [begin()!, begin(true)!]
    expect(used()).toBe(1)
    connect(all[0]!.session)
    all[0]!.session.connection.link!.destroy()
    expect([used(), pool.size, all.map(({ told }) => told.at(-1))]).toEqual([0, 0, ['closed 1', 'closed 1']])
    begin()!.session.connection.onConnectError('ECONNREFUSED')
    expect(used()).toBe(0)
  })
})

describe('a connection of HTTP/2 that is silent', () => {
  it('is asked for a sign of life, and given up where none comes', () => {
    open()
    const { session, told } = begin()!
    const bring = connect(session)
    session.connection.onDeadline()
    session.connection.onDeadline()
    bring(frame(PING, 1, 0, Buffer.from('sluice \u0003', 'latin1')))
    for (let round = 0; round < 19; round += 1) session.connection.onDeadline()
    // Something else than the answer has come: it may be asked again.
    bring(settingsFrame())
    session.connection.onDeadline()
    session.connection.onDeadline()
    expect(told).toEqual(['connected'])
    session.connection.onDeadline()
    expect(told).toEqual(['connected', 'closed 1'])
    expect(session.systemError).toBe('ETIMEDOUT')
  })

  it('is not asked more often than every five minutes as long as it only answers', () => {
    open()
    const { session, told } = begin()!
    const bring = connect(session)
    let asked = 0
    const { link } = session.connection
    const ping = link!.ping.bind(link)
    link!.ping = () => {
      asked += 1
      ping()
      bring(frame(PING, 1, 0, Buffer.from('sluice \u0003', 'latin1')))
    }
    for (let look = 0; look < 43; look += 1) session.connection.onDeadline()
    expect([asked, told]).toEqual([2, ['connected']])
  })

  it('is left alone as long as it bears nothing', () => {
    open({ pool: { idleTimeoutMs: 3_600_000 } })
    const { session } = begin()!
    connect(session, [INITIAL_WINDOW_SIZE, 100])(answer(1))
    for (let round = 0; round < 5; round += 1) session.connection.onDeadline()
    expect(pool.idleCount).toBe(1)
  })
})

describe('a stream that was cancelled', () => {
  it('may still bring content, in as many pieces as reads have', () => {
    open()
    const [gone, other] = [begin()!, begin()!]
    const bring = connect(gone.session)
    bring(headersFrame(1, responseFields(200)))
    gone.session.cancel(gone.receiver)
    const late = dataFrame(1, Buffer.alloc(3_000))
    for (const byte of late) bring(Buffer.of(byte))
    bring(answer(3))
    expect(other.told).toEqual(['connected', 'head', 'end'])
  })
})

describe('an exception in an exchange', () => {
  it('costs its stream, and no other on the connection', () => {
    open()
    const faults: unknown[] = []
    Object.assign(pool.context, { onFault: (error: unknown) => faults.push(error) })
    const [bad, good] = [begin()!, begin()!]
    const bring = connect(bad.session)
    bad.receiver.onResponseHead = () => {
      throw new Error('a defect')
    }
    bring(answer(1), answer(3))
    expect(bad.told).toEqual(['connected', 'fault 2'])
    expect(good.told).toEqual(['connected', 'head', 'end'])
    expect([faults.length, pool.idleCount]).toEqual([1, 1])
  })
})
