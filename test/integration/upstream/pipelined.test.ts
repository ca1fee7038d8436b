import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, ok } from '../../support/heads.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, ladder, openScene, type Player, type Scene } from './scene.ts'

/** Requests that stand behind others on one connection, when something becomes of those. */

let scene: Scene
let a: Player
beforeAll(async () => {
  scene = await openScene('ab', (...origins) => {
    const common = { passive: null, pool: { pipelining: 4 } }
    const endpoints = ladder(origins)
    return byName({
      alone: { ...common, endpoints: endpoints.slice(0, 1) },
      two: { ...common, endpoints, retry: { budget: 10, statuses: [503] } },
    })
  })
  ;[a] = scene.origins as [Player]
})
afterEach(() => scene.rest())
afterAll(() => scene[Symbol.asyncDispose]())

/** Three requests that are under way on one connection; its origin leaves them to the test. */
async function three(upstream: string): Promise<{ clients: RawClient[]; connection: ScriptedConnection }> {
  await scene.get(`/${upstream}/warm`)
  const [connection] = a.connections
  a.playEach(() => undefined)
  const clients: RawClient[] = []
  for (const number of [1, 2, 3]) {
    const client = await scene.client()
    await client.send(get(`/${upstream}/${number}`))
    clients.push(client)
    await waitFor(() => a.requests.length === number + 1, `request ${number}`)
  }
  expect(a.connections.length).toBe(1)
  return { clients, connection: connection! }
}

const contentOf = async (client: RawClient) => (await client.readResponse()).content.toString()

describe('behind a response that nobody wants', () => {
  it('requests wait as long as that is small', async () => {
    const { clients, connection } = await three('two')
    await connection.send(`${head('HTTP/1.1 503 Busy', 'Content-Length: 300000')}${'x'.repeat(300_000)}`)
    await connection.send(ok('second') + ok('third'))
    expect(await Promise.all(clients.map(contentOf))).toEqual(['b', 'second', 'third'])
    expect(connection.open).toBe(true)
  })

  it.each([
    ['without an end', 4096],
    ['in drops', 1],
  ])('requests are sent again where it goes on %s', async (_, size) => {
    const { clients, connection } = await three('two')
    a.playEach((again, { target }) => again.send(ok(target)))
    await connection.send(head('HTTP/1.1 503 Busy', 'Transfer-Encoding: chunked'))
    const sending = async () => {
      while (connection.open) {
        await connection.send(chunk('x'.repeat(size)))
        await turns(5)
      }
    }
    const sent = sending()
    expect(await Promise.all(clients.map(contentOf))).toEqual(['b', '/two/2', '/two/3'])
    await sent
  })

  it('requests are sent again where the rest of it does not come', async () => {
    const { clients, connection } = await three('two')
    a.playEach((again, { target }) => again.send(ok(target)))
    await connection.send(`${head('HTTP/1.1 503 Busy', 'Content-Length: 10')}half`)
    expect(await Promise.all(clients.map(contentOf))).toEqual(['b', '/two/2', '/two/3'])
    await waitFor(() => !connection.open, 'the end of the connection')
  })
})

describe('behind a request whose client leaves', () => {
  it('requests wait for their turn where its response has not begun', async () => {
    const { clients, connection } = await three('alone')
    clients[0]!.reset()
    await waitFor(() => scene.proxy.stats().exchangesActive === 2, 'the end of the first')
    await connection.send(ok('first') + ok('second') + ok('third'))
    expect(await Promise.all(clients.slice(1).map(contentOf))).toEqual(['second', 'third'])
  })

  it('requests are sent again where its response was on its way, and costs nobody a try', async () => {
    const { clients, connection } = await three('alone')
    a.playEach((again, { target }) => again.send(ok(target)))
    await connection.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}half`)
    await clients[0]!.readUntil(unread => unread.includes('half'))
    clients[0]!.reset()
    expect(await Promise.all(clients.slice(1).map(contentOf))).toEqual(['/alone/2', '/alone/3'])
  })
})
