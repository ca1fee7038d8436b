import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { blackhole } from '../support/blackhole.ts'
import { chunk, get, head, ok } from '../support/heads.ts'
import type { Listening } from '../support/listen.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { Script, ScriptedConnection } from '../support/scripted-origin.ts'
import { openStage, type Stage } from '../support/stage.ts'
import { turns } from '../support/turns.ts'
import { waitFor } from '../support/wait-for.ts'

let stage: Stage
let hole: Listening
beforeAll(async () => {
  hole = await blackhole()
  stage = await openStage(origin => ({
    upstreams: {
      a: { endpoints: [origin], pool: { idleTimeoutMs: 60_000 } },
      hole: [hole.address],
      impatient: { endpoints: [origin], timeouts: { idleMs: 300 } },
    },
    routes: [
      { to: 'hole', match: { path: { kind: 'prefix', path: '/hole/' } } },
      { to: 'impatient', match: { path: { kind: 'prefix', path: '/impatient/' } } },
      { to: 'a' },
    ],
  }))
})
afterEach(() => stage.rest())
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await hole.close()
})

const HUGE = 1_000_000_000
const PIECE = Buffer.alloc(1_000_000, 'x')
const never = () => new Promise<never>(() => {})

interface Phase {
  readonly name: string
  /** How the client goes; both by default. */
  readonly ways?: readonly ('fin' | 'reset')[]
  /** What the origin does; by default it reads the request and says nothing. */
  readonly origin?: Script
  /** Brings the client into its phase. */
  readonly enter: (client: RawClient) => Promise<unknown>
  /** What the record says; `null` where no exchange has begun. */
  readonly error?: string | null
  readonly status?: number
  /** What the record says where the client has said FIN, if that is something else. */
  readonly errorOfFin?: string
  /** Whether the origin has been dialled by then. */
  readonly reachesOrigin?: boolean
}

/** Sends until nothing more is taken: every buffer between the two ends is full. */
async function fill(end: Pick<ScriptedConnection, 'send'>, isOpen: () => boolean): Promise<void> {
  for (; isOpen(); await turns(1)) await end.send(PIECE)
}

const atOrigin = () => waitFor(() => stage.connections[0]?.unread.length, 'bytes at the origin')
const inFlight = () => stage.proxy.stats().inFlight.reduce((sum, { requests }) => sum + requests, 0)

/** Resolves when a number has not changed for some rounds of asking the proxy. */
async function unchanged(read: () => number): Promise<void> {
  let last = -1
  for (let round = 0; round < 10; round += 1) {
    await stage.proxy.reports()
    if (read() !== last) round = 0
    last = read()
  }
}

const POST = head('POST / HTTP/1.1', 'Host: a.example', `Content-Length: ${HUGE}`)

const PHASES: readonly Phase[] = [
  { name: 'before a byte', enter: async () => {}, error: null, reachesOrigin: false },
  { name: 'in the request line', enter: client => client.send('GET /x'), error: null, reachesOrigin: false },
  { name: 'in the head', enter: client => client.send('GET / HTTP/1.1\r\nHost: a'), error: null, reachesOrigin: false },
  {
    name: 'behind the head, before the content',
    enter: async client => {
      await client.send(POST)
      await atOrigin()
    },
    origin: never,
  },
  {
    name: 'in the content',
    enter: async client => {
      await client.send(`${POST}part`)
      await waitFor(() => stage.connections[0]?.unread.includes('part'), 'content at the origin')
    },
    origin: never,
  },
  {
    name: 'in a chunk',
    enter: async client => {
      await client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}${chunk('one')}100\r\npart`)
      await waitFor(() => stage.connections[0]?.unread.includes('part'), 'content at the origin')
    },
    origin: never,
  },
  {
    name: 'in the content, while the origin takes no more',
    enter: async client => {
      await client.send(POST)
      void fill(client, () => client.socket.writable)
      await unchanged(() => client.socket.bytesWritten - client.socket.writableLength)
    },
    origin: connection => connection.stall(),
    // FIN comes behind bytes that nobody reads: see the test below.
    ways: ['reset'],
  },
  {
    name: 'while it waits for 100',
    enter: async client => {
      await client.send(head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5', 'Expect: 100-continue'))
      await atOrigin()
    },
    origin: never,
  },
  {
    name: 'while the origin is dialled',
    enter: async client => {
      await client.send(get('/hole/'))
      await waitFor(() => inFlight() === 1, 'a request under way')
    },
    reachesOrigin: false,
  },
  {
    name: 'while it waits for the answer',
    enter: async client => {
      await client.send(get())
      await atOrigin()
    },
    origin: never,
  },
  {
    name: 'while it waits for the answer and has sent the next request',
    enter: async client => {
      await client.send(get('/first'))
      await atOrigin()
      await client.send(get('/second'))
    },
    origin: never,
  },
  {
    name: 'behind an interim response',
    enter: async client => {
      await client.send(get())
      await client.readUntil(unread => unread.includes('103 Early'))
    },
    origin: async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 103 Early Hints'))
    },
  },
  {
    name: 'behind the head of the response',
    enter: async client => {
      await client.send(get())
      await client.readUntil(unread => unread.includes('200 OK'))
    },
    origin: async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', `Content-Length: ${HUGE}`))
    },
    status: 200,
  },
  {
    name: 'in the middle of the response',
    enter: async client => {
      await client.send(get())
      await client.readUntil(unread => unread.length > 200_000)
    },
    origin: async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'))
      for (; connection.open; await turns(1)) await connection.send(chunk('x'.repeat(100_000)))
    },
    status: 200,
  },
  {
    name: 'in the middle of the response, that it has stopped reading',
    enter: async client => {
      client.socket.pause()
      await client.send(get())
      await unchanged(() => client.socket.bytesRead + stage.proxy.stats().bytesOut + stage.connections.length)
    },
    origin: async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', `Content-Length: ${HUGE}`))
      await fill(connection, () => connection.open)
    },
    status: 200,
  },
  {
    name: 'before its upgrade is answered',
    enter: async client => {
      await client.send(get('/', 'Connection: upgrade', 'Upgrade: foo'))
      await atOrigin()
    },
    origin: never,
  },
  {
    name: 'before its upgrade is answered, with bytes sent ahead',
    enter: async client => {
      await client.send(get('/', 'Connection: upgrade', 'Upgrade: foo'))
      await atOrigin()
      await client.send('ahead')
    },
    origin: never,
  },
  {
    name: 'in a tunnel',
    enter: async client => {
      await client.send(get('/', 'Connection: upgrade', 'Upgrade: foo'))
      await client.readResponse()
      await client.send('ping')
      await client.readUntil(unread => unread.toString() === 'ping')
    },
    origin: async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: foo'))
      await connection.send(await connection.expectBytes(4))
    },
    status: 101,
    errorOfFin: '',
  },
  {
    name: 'between two requests',
    enter: async client => {
      await client.send(get())
      await client.readResponse()
      stage.connections[0]!.close()
    },
    origin: async connection => {
      await connection.expectRequest()
      await connection.send(ok('answer'))
    },
    error: '',
    status: 200,
  },
]

describe('a client that goes away', () => {
  const ways = PHASES.flatMap(phase => (phase.ways ?? ['fin', 'reset']).map(how => ({ ...phase, how })))

  it.each(ways)('$name ($how) leaves nothing behind', async ({ enter, origin, how, ...phase }) => {
    const records = (await stage.proxy.reports())[0]!.records.length
    stage.play(origin ?? (connection => connection.expectHead().then(never)))
    const client = await stage.client()
    await enter(client)
    if (how === 'fin') client.close()
    else client.reset()
    await stage.proxy.nothingLeft()
    const [report] = await stage.proxy.reports()
    const ended = report!.records.slice(records)
    const { status = 0, reachesOrigin = true } = phase
    const error = (how === 'fin' ? phase.errorOfFin : undefined) ?? phase.error
    if (error === null) expect(ended).toEqual([])
    else expect(ended.at(-1)).toMatchObject({ error: error ?? 'client_closed', status })
    expect(stage.connections.length).toBe(reachesOrigin ? 1 : 0)
    await stage.expectGoodRequest()
  })
})

describe('a client that goes away behind content that its origin does not take', () => {
  it('is noticed when the time of the origin is over: its FIN lies behind bytes that are not read', async () => {
    stage.play(connection => connection.stall())
    const client = await stage.client()
    await client.send(POST.replace('/', '/impatient/'))
    void fill(client, () => client.socket.writable)
    await waitFor(() => inFlight() === 1, 'a request under way')
    client.close()
    await stage.proxy.nothingLeft()
    await stage.expectGoodRequest()
  })
})

describe('a thousand clients that leave in the middle of a request', () => {
  const enterings: readonly ((client: RawClient, index: number) => Promise<unknown>)[] = [
    (client, index) => client.send(get(`/wait/${index}`)),
    (client, index) => client.send(`${head(`POST /wait/${index} HTTP/1.1`, 'Host: a', `Content-Length: ${HUGE}`)}part`),
    (client, index) => client.send(get(`/respond/${index}`)),
    client => client.send('GET /half HTTP/1.1\r\nHo'),
  ]

  it('leave no connection, exchange, parser, slot or timer behind', async () => {
    stage.play(async connection => {
      const request = await connection.expectHead()
      if (!request.target.startsWith('/respond/')) return
      await connection.send(head('HTTP/1.1 200 OK', `Content-Length: ${HUGE}`))
      await connection.send('x'.repeat(50_000))
    })
    const count = 1_000
    const clients = await Promise.all(Array.from({ length: count }, () => stage.client()))
    await Promise.all(clients.map((client, index) => enterings[index % 4]!(client, index)))
    const forwarded = (count / 4) * 3
    await waitFor(
      () => inFlight() === forwarded,
      () => `${forwarded} requests under way; ${inFlight()} so far`,
      10_000,
    )
    await waitFor(() => stage.connections.length === forwarded, `${forwarded} connections at the origin`, 10_000)
    await Promise.all(
      clients.filter((_, index) => index % 4 === 2).map(client => client.readUntil(unread => unread.length > 40_000)),
    )
    expect(stage.proxy.stats()).toMatchObject({ connectionsOpen: count })
    for (const [index, client] of clients.entries()) {
      if (index % 2 === 0) client.reset()
      else client.close()
    }
    await stage.proxy.nothingLeft(10_000)
    await waitFor(() => stage.connections.every(({ open }) => !open), 'no open connection at the origin')
    await stage.expectGoodRequest()
  })
})
