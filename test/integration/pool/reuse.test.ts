import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { PoolSnapshot } from '../../../engine/snapshot.ts'
import { get, head, ok, post } from '../../support/heads.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { answerAll, openStage, type Stage } from '../../support/stage.ts'
import { waitFor } from '../../support/wait-for.ts'

/** An upstream for each kind of pool, chosen by the path; all lead to the one origin. */
const POOLS: Record<string, Partial<PoolSnapshot>> = {
  patient: { idleTimeoutMs: 60_000 },
  short: { idleTimeoutMs: 200 },
  three: { requestsMax: 3 },
  pair: { idleMax: 2 },
  none: { idleMax: 0 },
}

let stage: Stage
beforeAll(async () => {
  stage = await openStage(origin => ({
    upstreams: Object.fromEntries(
      Object.entries(POOLS).map(([name, pool]) => [name, { endpoints: [origin], pool }] as const),
    ),
    routes: Object.keys(POOLS).map(name => ({ to: name, match: { path: { kind: 'prefix', path: `/${name}/` } } })),
  }))
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

interface Held {
  readonly connection: ScriptedConnection
  readonly index: number
  readonly target: string
}

/** Requests that the origin has and does not answer before the test says so. */
function holdAll(): Held[] {
  const held: Held[] = []
  stage.play(async connection => {
    const index = stage.connections.indexOf(connection)
    for (;;) held.push({ connection, index, target: (await connection.expectRequest()).target })
  })
  return held
}

async function ask(client: RawClient, target: string): Promise<string> {
  await client.send(get(target))
  return (await client.readResponse()).content.toString()
}

/** The number of the connection that a request goes on, from 0. */
function tellConnections() {
  stage.play(async connection => {
    for (;;) {
      await connection.expectRequest()
      await connection.send(ok(String(stage.connections.indexOf(connection))))
    }
  })
}

describe('an upstream connection', () => {
  it('serves one request after the other, of different clients', async () => {
    stage.play(answerAll)
    for (let index = 0; index < 10; index += 1) {
      const client = await stage.client()
      expect(await ask(client, `/patient/${index}`)).toBe(`/patient/${index}`)
    }
    expect(stage.connections.length).toBe(1)
    expect((await stage.proxy.records(10)).slice(-9).map(record => record.connectUs)).toEqual(Array(9).fill(0))
  })

  it('that was used last is used first, so that those a burst has opened age out', async () => {
    const held = holdAll()
    const clients = [await stage.client(), await stage.client(), await stage.client()]
    for (const [index, client] of clients.entries()) {
      await client.send(get(`/patient/${index}`))
      await waitFor(() => held.length === index + 1, 'the request at the origin')
    }
    expect(held.map(({ index }) => index)).toEqual([0, 1, 2])
    for (const index of [1, 2, 0]) {
      await held[index]!.connection.send(ok('held'))
      await clients[index]!.readResponse()
    }
    held.length = 0
    const next = async (client: RawClient, answered = true) => {
      await client.send(get('/patient/next'))
      const { connection, index } = await waitFor(() => held.shift(), 'the next request')
      if (!answered) return { connection, index }
      await connection.send(ok('next'))
      await client.readResponse()
      return { connection, index }
    }
    for (let round = 0; round < 3; round += 1) expect((await next(clients[1]!)).index).toBe(0)
    const unanswered = [await next(clients[0]!, false), await next(clients[1]!, false), await next(clients[2]!, false)]
    expect(unanswered.map(({ index }) => index)).toEqual([0, 2, 1])
  })

  it('is closed when nobody has used it for idle_timeout', async () => {
    tellConnections()
    const client = await stage.client()
    expect(await ask(client, '/short/')).toBe('0')
    const since = performance.now()
    await stage.connections[0]!.closed
    const idle = performance.now() - since
    expect(idle).toBeGreaterThan(190)
    expect(idle).toBeLessThan(1_500)
    expect(await ask(client, '/short/')).toBe('1')
  })

  it('is closed in time for what its origin names in Keep-Alive, whatever idle_timeout says', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(ok('', 'Keep-Alive: timeout=1, max=100'))
    })
    const client = await stage.client()
    await ask(client, '/patient/')
    const since = performance.now()
    await stage.connections[0]!.closed
    const idle = performance.now() - since
    expect(idle).toBeGreaterThan(300)
    expect(idle).toBeLessThan(1_500)
  })

  it('is not kept longer than idle_timeout because its origin would', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(ok('', 'Keep-Alive: timeout=3600'))
    })
    const since = performance.now()
    await ask(await stage.client(), '/short/')
    await stage.connections[0]!.closed
    expect(performance.now() - since).toBeLessThan(1_500)
  })

  it.each(['Keep-Alive: timeout=0', 'Connection: close'])('is not used again after %s', async field => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(ok(String(stage.connections.indexOf(connection)), field))
    })
    const client = await stage.client()
    expect(await ask(client, '/patient/')).toBe('0')
    expect(await ask(client, '/patient/')).toBe('1')
    await stage.connections[0]!.closed
  })

  it('serves no more requests than max_requests', async () => {
    tellConnections()
    const client = await stage.client()
    const used: string[] = []
    for (let index = 0; index < 7; index += 1) used.push(await ask(client, '/three/'))
    expect(used).toEqual(['0', '0', '0', '1', '1', '1', '2'])
    await stage.connections[0]!.closed
    await stage.connections[1]!.closed
    expect(stage.connections[2]!.open).toBe(true)
  })

  it.each([
    ['pair', 2],
    ['none', 0],
  ])('is closed when the pool "%s" has %i idle ones already', async (pool, kept) => {
    const held = holdAll()
    const clients = await Promise.all(Array.from({ length: 5 }, () => stage.client()))
    for (const client of clients) await client.send(get(`/${pool}/`))
    await waitFor(() => held.length === 5, 'five requests at once')
    for (const { connection } of held) await connection.send(ok(''))
    for (const client of clients) await client.readResponse()
    await waitFor(() => stage.connections.filter(({ open }) => open).length === kept, `${kept} open connections`)
  })

  it('is closed when bytes come that nobody asked for', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(ok(String(stage.connections.indexOf(connection))))
      await waitFor(() => client.received.length > 0, 'a client that has its answer')
      if (stage.connections.length === 1) await connection.send('HTTP/1.1 408 Request Timeout\r\n\r\n')
    })
    const client = await stage.client()
    expect(await ask(client, '/patient/')).toBe('0')
    await stage.connections[0]!.closed
    expect(await ask(client, '/patient/')).toBe('1')
  })

  it('is closed when more bytes come with the answer than belong to it', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(`${ok(String(stage.connections.indexOf(connection)))}HTTP/1.1 200 OK\r\n`)
    })
    const client = await stage.client()
    expect(await ask(client, '/patient/')).toBe('0')
    expect(await ask(client, '/patient/')).toBe('1')
    await stage.connections[0]!.closed
  })

  it('that its origin closes while it is idle is forgotten', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(ok(String(stage.connections.indexOf(connection))))
      connection.close()
    })
    const client = await stage.client()
    for (let index = 0; index < 5; index += 1) {
      expect(await ask(client, '/patient/')).toBe(String(index))
      await stage.connections[index]!.closed
    }
  })

  it('is kept after a request with content that the origin has read', async () => {
    tellConnections()
    const client = await stage.client()
    for (let index = 0; index < 5; index += 1) {
      await client.send(post('/patient/', 'x'.repeat(index * 40_000)))
      expect((await client.readResponse()).content.toString()).toBe('0')
    }
  })

  it('is not kept when the answer came before the request was whole', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(ok(String(stage.connections.indexOf(connection))))
    })
    const client = await stage.client()
    await client.send(head('POST /patient/ HTTP/1.1', 'Host: a.example', 'Content-Length: 10'))
    expect((await client.readResponse()).content.toString()).toBe('0')
    await stage.connections[0]!.closed
    expect(await ask(await stage.client(), '/patient/')).toBe('1')
  })
})
