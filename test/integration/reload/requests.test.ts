import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Address } from '../../../engine/snapshot.ts'
import { get, head, ok } from '../../support/heads.ts'
import type { InstrumentedProxyOptions } from '../../support/instrumented-proxy.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import type { TestListener } from '../../support/snapshot.ts'
import { answerAll, openStage, type Stage } from '../../support/stage.ts'
import { waitFor } from '../../support/wait-for.ts'

let stage: Stage

/** Responses say the number in `X-Config`; `/own` is answered by the proxy with it. */
function configuration(origin: Address, number: number, listener: TestListener = {}): InstrumentedProxyOptions {
  const own = { kind: 'respond', status: 200, fields: [], content: Buffer.from(`${number}`) } as const
  return {
    listeners: [listener],
    upstreams: { a: { endpoints: [origin], retry: { attempts: 0 } } },
    routes: [
      { name: 'own', match: { path: { kind: 'exact', path: '/own' } }, to: own },
      { name: 'all', to: 'a', response: { set: [['X-Config', `${number}`]] } },
    ],
  }
}

beforeEach(async () => {
  stage = await openStage(origin => configuration(origin, 1))
})
afterEach(async () => {
  await stage.rest()
  await stage[Symbol.asyncDispose]()
})

const reload = (number: number, listener?: TestListener) =>
  stage.proxy.reload(configuration(stage.origin, number, listener))

async function configOf(client: Awaited<ReturnType<Stage['client']>>): Promise<string | undefined> {
  const response = await client.readResponse()
  const field = response.fields.find(([name]) => name.toLowerCase() === 'x-config')
  return field?.[1] ?? response.content.toString()
}

/** An origin that answers when it is told to. */
function hold(): ScriptedConnection[] {
  const held: ScriptedConnection[] = []
  stage.play(async connection => {
    for (;;) {
      await connection.expectRequest()
      held.push(connection)
    }
  })
  return held
}

describe('a connection that stays open', () => {
  it('has the new routes from its next request on', async () => {
    const client = await stage.client()
    for (const number of [1, 2, 3]) {
      if (number > 1) expect((await reload(number)).routes.changed).toEqual(['own', 'all'])
      await client.send(get('/own'))
      expect(await configOf(client)).toBe(`${number}`)
      await client.send(get('/x'))
      expect(await configOf(client)).toBe(`${number}`)
    }
    expect(stage.connections.length).toBe(1)
  })

  it('ends a request by the routes that it began with, however often they change', async () => {
    const held = hold()
    const client = await stage.client()
    await client.send(get('/slow'))
    await waitFor(() => held.length === 1, 'a request at the origin')
    for (const number of [2, 3, 4]) await reload(number)
    await held[0]!.send(ok('done'))
    expect(await configOf(client)).toBe('1')
    await client.send(get('/own'))
    expect(await configOf(client)).toBe('4')
  })

  it('answers pipelined requests by what is in force when each has its turn', async () => {
    const held = hold()
    const client = await stage.client()
    await client.send(get('/slow') + get('/own') + get('/slow') + get('/own'))
    await waitFor(() => held.length === 1, 'the first request')
    await reload(2)
    await held[0]!.send(ok('done'))
    expect(await configOf(client)).toBe('1')
    expect(await configOf(client)).toBe('2')
    await waitFor(() => held.length === 2, 'the third request')
    await reload(3)
    await held[1]!.send(ok('done'))
    expect(await configOf(client)).toBe('2')
    expect(await configOf(client)).toBe('3')
  })

  it('that is in the middle of a head when it happens is served by the new one', async () => {
    const client = await stage.client()
    await client.send('GET /own HTTP/1.1\r\nHost: a.exa')
    await waitFor(() => stage.proxy.stats().connectionsOpen === 1, 'the connection')
    await reload(2)
    await client.send('mple\r\n\r\n')
    expect(await configOf(client)).toBe('2')
  })

  it('has the new limits, trusted proxies, paths and deadlines from its next request on', async () => {
    stage.play(async connection => {
      for (;;) {
        const { fields } = await connection.expectHead()
        const forwarded = fields.find(([name]) => name.toLowerCase() === 'x-forwarded-for')?.[1] ?? ''
        await connection.send(ok(forwarded))
      }
    })
    const client = await stage.client()
    const ask = async (target: string, ...fields: string[]) => {
      await client.send(get(target, ...fields))
      return await client.readResponse()
    }
    const forwarded = 'X-Forwarded-For: 10.9.9.9'
    expect((await ask('/a//b', forwarded)).content.toString()).toBe('127.0.0.1')
    await reload(2, {
      trustedProxies: ['127.0.0.0/8'],
      limits: { fieldLinesMax: 3 },
      timeouts: { idleMs: 200 },
      paths: { dotSegments: 'normalise', emptySegments: 'refuse', encodedSlashes: 'keep', parameters: 'keep' },
    })
    expect((await ask('/a/b', forwarded)).content.toString()).toBe('10.9.9.9, 127.0.0.1')
    // The idle deadline is the new one now; before, it was over a minute.
    expect(await client.closed).toBe('fin')
    const refused = await stage.client()
    await refused.send(get('/a//b'))
    expect((await refused.readResponse()).status).toBe(400)
    const tooMany = await stage.client()
    await tooMany.send(get('/x', 'A: 1', 'B: 2', 'C: 3'))
    expect((await tooMany.readResponse()).status).toBe(431)
  })

  it('goes on being a tunnel', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: echo'))
      for (;;) await connection.send(await connection.expectBytes(4))
    })
    const client = await stage.client()
    await client.send(get('/t', 'Connection: Upgrade', 'Upgrade: echo'))
    await client.readUntil(bytes => bytes.includes('\r\n\r\n'))
    for (const number of [2, 3]) {
      await reload(number)
      await client.send(`say${number}`)
      await client.readUntil(bytes => bytes.includes(`say${number}`))
    }
    const { upstreams } = await stage.proxy.reload({ listeners: [{}], upstreams: {}, routes: [] })
    expect(upstreams.removed).toEqual(['a'])
    await client.send('last')
    await client.readUntil(bytes => bytes.includes('last'))
    await client.send(get('/').slice(0, 4))
    await client.readUntil(bytes => bytes.includes('GET '))
    await stage.proxy.reload(configuration(stage.origin, 4))
    stage.play(answerAll)
  })
})
