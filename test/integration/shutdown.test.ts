import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { chunk, get, head, lastChunk, ok } from '../support/heads.ts'
import { type InstrumentedProxyOptions, startInstrumentedProxy } from '../support/instrumented-proxy.ts'
import { listenOn } from '../support/listen.ts'
import { rawClient } from '../support/raw-client.ts'
import type { ScriptedConnection } from '../support/scripted-origin.ts'
import { answerAll, openStage, type Stage } from '../support/stage.ts'
import { valuesOf } from '../support/strict-head.ts'
import { turns } from '../support/turns.ts'
import { waitFor } from '../support/wait-for.ts'

const GRACE_MS = 5_000

const stageWith = (options: Omit<InstrumentedProxyOptions, 'upstreams'> = {}) =>
  openStage(origin => ({ shutdownGraceMs: GRACE_MS, ...options, upstreams: { a: [origin] } }))

/** Stops and says how long it took. */
async function stopIn(stage: Stage): Promise<number> {
  const since = performance.now()
  await stage.proxy.stop()
  return performance.now() - since
}

async function expectRefused(stage: Stage) {
  const refused = async () => {
    const socket = connect({ host: '127.0.0.1', port: stage.proxy.port })
    try {
      await once(socket, 'connect')
      return false
    } catch {
      return true
    } finally {
      socket.destroy()
    }
  }
  while (!(await refused())) await turns()
}

describe.each([1, 2])('an engine of %i workers that is stopped', workers => {
  it('without connections ends at once', async () => {
    await using stage = await stageWith({ workers })
    expect(await stopIn(stage)).toBeLessThan(3_000)
    await expect(rawClient(stage.proxy.port)).rejects.toThrow(/ECONNREFUSED/)
  })

  it('lets running exchanges finish, and takes no new connections meanwhile', async () => {
    await using stage = await stageWith({ workers })
    const held: ScriptedConnection[] = []
    stage.play(async connection => {
      await connection.expectRequest()
      held.push(connection)
    })
    const clients = await Promise.all(Array.from({ length: 10 }, () => stage.client()))
    for (const client of clients) await client.send(get())
    await waitFor(() => held.length === clients.length, 'all requests at the origin')
    const stopped = stopIn(stage)
    await expectRefused(stage)
    expect(stage.proxy.stats().exchangesActive).toBe(10)
    for (const connection of held) await connection.send(ok('finished'))
    for (const client of clients) {
      const response = await client.readResponse()
      expect(response.content.toString()).toBe('finished')
      expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
      expect(await client.closed).toBe('fin')
    }
    expect(await stopped).toBeLessThan(GRACE_MS)
    expect(stage.proxy.stats()).toMatchObject({ exchangesActive: 0, connectionsOpen: 0, inFlight: [{ requests: 0 }] })
  })

  it('cuts what still runs when the grace is over', async () => {
    await using stage = await stageWith({ workers, shutdownGraceMs: 300 })
    stage.play(async connection => {
      const { target } = await connection.expectHead()
      if (target === '/wait') return
      if (target === '/tunnel') {
        await connection.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: upgrade', 'Upgrade: foo'))
      } else {
        await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('part'))
      }
    })
    const [waiting, streaming, tunnel] = await Promise.all([stage.client(), stage.client(), stage.client()])
    await waiting.send(get('/wait'))
    await streaming.send(get('/stream'))
    await streaming.readUntil(unread => unread.includes('part'))
    await tunnel.send(get('/tunnel', 'Connection: upgrade', 'Upgrade: foo'))
    await tunnel.readResponse()
    await waitFor(() => stage.proxy.stats().exchangesActive === 3, 'three exchanges')
    const took = await stopIn(stage)
    expect(took).toBeGreaterThan(250)
    // Past the grace and two seconds more the threads would be ended, which says nothing to anybody.
    expect(took).toBeLessThan(2_300)
    expect((await waiting.readResponse()).status).toBe(503)
    expect(await waiting.closed).toBe('fin')
    expect(await streaming.nextResponse()).toMatchObject({ kind: 'cut', status: 200 })
    await tunnel.closed
    for (const connection of stage.connections) await connection.closed
    expect(stage.proxy.stats()).toMatchObject({ exchangesActive: 0, connectionsOpen: 0, inFlight: [{ requests: 0 }] })
  })
})

describe('an engine that is stopped', () => {
  it('closes connections without a request at once, of clients and of origins', async () => {
    await using stage = await stageWith()
    stage.play(answerAll)
    const idle = await stage.client()
    await idle.send(get())
    await idle.readResponse()
    const fresh = await stage.client()
    await waitFor(() => stage.proxy.stats().connectionsOpen === 2, 'two connections')
    expect(await stopIn(stage)).toBeLessThan(3_000)
    expect(await idle.closed).toBe('fin')
    await fresh.closed
    await stage.connections[0]!.closed
  })

  it('serves a request whose head has begun to come', async () => {
    await using stage = await stageWith()
    stage.play(answerAll)
    const client = await stage.client()
    // Both came in one read: where the first is answered, the second has begun.
    await client.send(`${get('/first')}GET /late HTTP/1.1\r\n`)
    await client.readResponse()
    await stage.proxy.reports()
    const stopped = stopIn(stage)
    await expectRefused(stage)
    await client.send('Host: a.example\r\n\r\n')
    const response = await client.readResponse()
    expect(response.content.toString()).toBe('/late')
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    expect(await stopped).toBeLessThan(GRACE_MS)
  })

  it('lets content go on in both directions', async () => {
    await using stage = await stageWith()
    stage.play(async connection => {
      const request = await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('begun;'))
      const content = await connection.expectContent(request)
      await connection.send(chunk(content.toString()) + lastChunk())
    })
    const client = await stage.client()
    await client.send(`${head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 8')}first`)
    await client.readUntil(unread => unread.includes('begun;'))
    const stopped = stopIn(stage)
    await expectRefused(stage)
    await client.send('end')
    expect((await client.readResponse()).content.toString()).toBe('begun;firstend')
    expect(await stopped).toBeLessThan(GRACE_MS)
  })

  it('answers pipelined requests up to the one that runs, and no further', async () => {
    await using stage = await stageWith()
    const held: ScriptedConnection[] = []
    stage.play(async connection => {
      await connection.expectRequest()
      held.push(connection)
    })
    const client = await stage.client()
    await client.send(get('/1') + get('/2'))
    await waitFor(() => held.length === 1, 'a request at the origin')
    const stopped = stopIn(stage)
    await expectRefused(stage)
    await held[0]!.send(ok('one'))
    const response = await client.readResponse()
    expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
    expect(await client.readAll()).toEqual(Buffer.alloc(0))
    expect(held.length).toBe(1)
    expect(await stopped).toBeLessThan(GRACE_MS)
  })

  it('may be stopped again, while it stops and afterwards', async () => {
    await using stage = await stageWith()
    await Promise.all([stage.proxy.stop(), stage.proxy.stop()])
    await stage.proxy.stop()
    await stage.proxy.kill()
    expect(stage.proxy.events.filter(event => event.kind === 'worker_died')).toEqual([])
  })

  it('may be killed while it waits for what runs', async () => {
    await using stage = await stageWith({ shutdownGraceMs: 60_000 })
    stage.play(async connection => {
      await connection.expectHead()
    })
    const client = await stage.client()
    await client.send(get())
    await waitFor(() => stage.connections.length === 1, 'a request at the origin')
    const stopped = stopIn(stage)
    await expectRefused(stage)
    await stage.proxy.kill()
    expect(await stopped).toBeLessThan(5_000)
    expect((await client.nextResponse()).kind).toBe('cut')
  })

  it('leaves its addresses free', async () => {
    const listeners = [{ address: { kind: 'tcp', host: '127.0.0.1', port: await freePort() } as const }]
    for (let round = 0; round < 2; round += 1) {
      await using stage = await stageWith({ workers: 2, listeners })
      await stage.expectGoodRequest()
      await stage.proxy.stop()
    }
  })
})

describe.each([1, 2])('an engine of %i workers', workers => {
  it('does not start on a port that is in use, says so, and lets go of the others', async () => {
    await using taken = await listenOn(createServer())
    const free = { kind: 'tcp', host: '127.0.0.1', port: await freePort() } as const
    const listeners = [
      { name: 'free', address: free },
      { name: 'taken', address: taken.address },
    ]
    await expect(startInstrumentedProxy({ workers, listeners })).rejects.toThrow(
      `listener taken: 127.0.0.1:${taken.port}: the address is in use; stop what listens there or choose another address`,
    )
    await using stage = await stageWith({ workers, listeners: [{ address: free }] })
    await stage.expectGoodRequest()
  })

  it('does not start on an address that the machine does not have', async () => {
    const listeners = [{ name: 'far', address: { kind: 'tcp', host: '192.0.2.1', port: 0 } as const }]
    await expect(startInstrumentedProxy({ workers, listeners })).rejects.toThrow(
      'listener far: 192.0.2.1:0: this machine does not have that address',
    )
  })
})

describe('a listener at its connection limit', () => {
  it('makes further clients wait until one has gone, and says so once', async () => {
    await using stage = await stageWith({ listeners: [{ limits: { connectionsMax: 3 } }] })
    stage.play(answerAll)
    const served = await Promise.all([stage.client(), stage.client(), stage.client()])
    for (const client of served) {
      await client.send(get('/served'))
      await client.readResponse()
    }
    const waiting = await Promise.all([stage.client(), stage.client()])
    for (const client of waiting) await client.send(get('/waiting'))
    const full = () => stage.proxy.events.filter(event => event.kind === 'connections_full')
    await waitFor(() => full().length === 1, 'word of the limit')
    expect(full()).toEqual([{ kind: 'connections_full', worker: 0, listener: 'listener0', limit: 3 }])
    for (const client of served) {
      await client.send(get('/served'))
      expect((await client.readResponse()).content.toString()).toBe('/served')
    }
    expect(waiting.map(client => client.received.length)).toEqual([0, 0])
    expect(stage.proxy.stats().connectionsOpen).toBe(3)
    for (const [index, client] of waiting.entries()) {
      served[index]!.close()
      expect((await client.readResponse()).content.toString()).toBe('/waiting')
    }
    expect(full().length).toBe(1)
    await stage.rest()
  })
})
