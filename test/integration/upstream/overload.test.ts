import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, ok } from '../../support/heads.ts'
import type { RawClient } from '../../support/raw-client.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, openScene, type Player, type Scene } from './scene.ts'

/** The limit on requests under way that follows the latency; how it learns is tested where it is. */

let scene: Scene
let a: Player
beforeAll(async () => {
  scene = await openScene('a', player => {
    const fixed = { initial: 10, minimum: 10, maximum: 10 }
    const upstream = { endpoints: [player.address], passive: null, adaptiveConcurrency: fixed }
    const { upstreams, routes } = byName({ ten: upstream, retried: { ...upstream, retry: { statuses: [503] } } })
    const levels = (['low', 'high'] as const).map(importance => {
      return {
        name: importance,
        importance,
        to: 'ten',
        match: { path: { kind: 'prefix', path: `/${importance}/` } },
      } as const
    })
    return { upstreams, routes: [...routes, ...levels] }
  })
  ;[a] = scene.origins as [Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

/** Sends so many requests and leaves them with the origin. */
async function occupy(count: number, target = '/high/x'): Promise<RawClient[]> {
  const before = a.requests.length
  const clients = await Promise.all(Array.from({ length: count }, () => scene.client()))
  for (const client of clients) await client.send(get(target))
  await waitFor(() => a.requests.length === before + count, `${count} requests at the origin`)
  return clients
}

const statusOf = async (target: string) => (await scene.get(target)).status

/** How many answers of a kind it takes until no place is left behind. */
async function expectAllPlacesFree(): Promise<void> {
  await waitFor(() => scene.proxy.stats().exchangesActive === 0, 'the end of all requests')
  a.playEach(() => undefined)
  const clients = await occupy(10)
  expect(await statusOf('/high/x')).toBe(503)
  for (const client of clients) client.reset()
  await waitFor(() => scene.proxy.stats().exchangesActive === 0, 'the end of all requests')
}

describe('an upstream at its limit on requests under way', () => {
  it('refuses the least important first, at once', async () => {
    a.playEach((connection, { target }) => (target.endsWith('quick') ? connection.send(ok('a')) : undefined))
    await occupy(7)
    expect([await statusOf('/low/quick'), await statusOf('/ten/quick'), await statusOf('/high/quick')]).toEqual([
      503, 200, 200,
    ])
    await occupy(2)
    expect([await statusOf('/low/quick'), await statusOf('/ten/quick'), await statusOf('/high/quick')]).toEqual([
      503, 503, 200,
    ])
    await occupy(1)
    expect([await statusOf('/low/quick'), await statusOf('/ten/quick'), await statusOf('/high/quick')]).toEqual([
      503, 503, 503,
    ])
    const refused = (await scene.records(9)).filter(({ status }) => status === 503)
    expect(refused.length).toBe(6)
    for (const record of refused)
      expect(record).toMatchObject({ error: 'upstream_overloaded', flag: 'UO', endpoint: '' })
  })

  it.each([
    ['whole responses', async () => expect(await statusOf('/ten/x')).toBe(200)],
    ['errors of the origin', async () => expect(await statusOf('/ten/500')).toBe(500)],
    ['broken connections', async () => expect(await statusOf('/ten/reset')).toBe(502)],
    [
      'responses that are cut',
      async () => expect((await scene.get('/ten/half').catch(() => ({ status: 0 }))).status).toBe(0),
    ],
    ['statuses that nobody else is asked for', async () => expect(await statusOf('/retried/503')).toBe(503)],
    [
      'clients that leave',
      async () => {
        const [client] = await occupy(1, '/ten/silent')
        client!.reset()
      },
    ],
    [
      'clients that leave in the middle of the response',
      async () => {
        const client = await scene.client()
        await client.send(get('/ten/endless'))
        await client.readUntil(unread => unread.includes('begin'))
        client.reset()
      },
    ],
    [
      'clients that leave in the middle of the request',
      async () => {
        const client = await scene.client()
        await client.send(`${head('POST /ten/x HTTP/1.1', 'Host: a', 'Content-Length: 10')}abc`)
        await waitFor(() => a.connections.some(({ unread }) => unread.length > 0), 'a part of the request')
        client.reset()
      },
    ],
    [
      'tunnels',
      async () => {
        const client = await scene.client()
        await client.send(get('/ten/tunnel', 'Connection: upgrade', 'Upgrade: echo'))
        await client.readUntil(unread => unread.includes('101'))
        client.reset()
      },
    ],
  ])('has the place of each back: %s', async (_, once) => {
    const answers: Record<string, string> = {
      '/ten/x': ok('a'),
      '/ten/500': head('HTTP/1.1 500 Broken', 'Content-Length: 0'),
      '/retried/503': head('HTTP/1.1 503 Busy', 'Content-Length: 0'),
      '/ten/half': `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}half`,
      '/ten/endless': `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}5\r\nbegin\r\n`,
      '/ten/tunnel': head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: echo'),
    }
    a.playEach(async (connection, { target }) => {
      if (target === '/ten/reset') return connection.reset()
      await connection.send(answers[target] ?? '')
      if (target === '/ten/half') connection.reset()
    })
    for (let round = 0; round < 12; round += 1) {
      await once()
      await waitFor(() => scene.proxy.stats().exchangesActive === 0, 'the end of the request')
    }
    await expectAllPlacesFree()
  })

  it('has the place of a response back when it begins: who takes it slowly keeps nobody out', async () => {
    a.playEach((connection, { target }) =>
      connection.send(
        target.endsWith('quick') ? ok('a') : `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}5\r\nbegin\r\n`,
      ),
    )
    const clients = await occupy(10, '/high/stream')
    for (const client of clients) await client.readUntil(unread => unread.includes('begin'))
    expect(await statusOf('/low/quick')).toBe(200)
  })
})
