import { describe, expect, it } from 'vitest'
import { type EngineEvent, startEngine } from '../../../engine/index.ts'
import { type Ensemble, openEnsemble } from '../../support/ensemble.ts'
import { get } from '../../support/heads.ts'
import { MoodyOrigin } from '../../support/moody-origin.ts'
import { type RawClient, rawClient } from '../../support/raw-client.ts'
import { testSnapshot } from '../../support/snapshot.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import type { MortalData } from './mortal-worker.ts'

const count = (ensemble: Ensemble, kind: EngineEvent['kind']) =>
  ensemble.proxy.events.filter(event => event.kind === kind).length

/** Asks until every worker has ended some exchanges since. */
async function tallyOfAll(ensemble: Ensemble): Promise<Record<string, number>> {
  const ended = async () => (await ensemble.proxy.reports()).map(({ records }) => records.length)
  const before = await ended()
  const counts = await ensemble.tally(40)
  await waitFor(() => ensemble.proxy.stats().exchangesActive === 0, 'rest')
  for (const [worker, records] of (await ended()).entries()) expect(records).toBeGreaterThan(before[worker] ?? 0)
  return counts
}

describe('a worker that has died', () => {
  it('is replaced by one that knows of the changes that came meanwhile', async () => {
    await using ensemble = await openEnsemble()
    const c = await ensemble.extra('c')
    await ensemble.ask('/crash')
    await waitFor(() => count(ensemble, 'worker_died') === 1, 'a death')
    const changes = [
      ensemble.api.add({ name: 'c', address: c.address }),
      ensemble.api.remove('a'),
      ensemble.api.down('b'),
    ]
    await Promise.all(changes)
    await waitFor(() => count(ensemble, 'worker_started') === 3, 'another worker')
    expect(await tallyOfAll(ensemble)).toEqual({ c: 40 })
  })

  it('holds up no change: neither one that it was told of, nor one that comes as its successor starts', async () => {
    await using ensemble = await openEnsemble()
    const c = await ensemble.extra('c')
    for (let round = 0; round < 2; round += 1) {
      const deaths = count(ensemble, 'worker_died')
      const starts = count(ensemble, 'worker_started')
      const crash = ensemble.ask('/crash')
      const changes: Promise<void>[] = []
      while (count(ensemble, 'worker_started') === starts || count(ensemble, 'worker_died') === deaths) {
        // Fewer than there are columns: those that are given up wait for every worker, too.
        if (changes.length < 800) {
          changes.push(ensemble.api.add({ name: 'c', address: c.address }), ensemble.api.remove('c'))
        }
        await new Promise(resolve => setImmediate(resolve))
      }
      await crash
      await Promise.all(changes)
    }
    await ensemble.api.add({ name: 'c', address: c.address })
    await ensemble.api.remove('a')
    await ensemble.api.remove('b')
    expect(await tallyOfAll(ensemble)).toEqual({ c: 40 })
  })

  it('gives back once what it held of connections, and those who wait elsewhere get them', async () => {
    await using ensemble = await openEnsemble({
      origins: 'a',
      endpoints: { a: { connectionsMax: 6 } },
      upstream: { queue: { size: 50, timeoutMs: 30_000 }, retry: { attempts: 0 } },
    })
    const a = ensemble.origin('a')
    const clients: RawClient[] = []
    const hold = async () => {
      const client = await rawClient(ensemble.proxy.port)
      clients.push(client)
      await client.send(get('/held/a'))
    }
    for (let index = 0; index < 20; index += 1) await hold()
    await waitFor(() => a.held === 6, 'all connections to be used')
    expect(ensemble.status('a')).toMatchObject({ connections: 6, requests: 6 })
    await ensemble.ask('/crash')
    await waitFor(() => count(ensemble, 'worker_started') === 3, 'another worker')
    const alive = () => clients.filter(({ ended }) => ended === 'no').length
    await waitFor(() => alive() < 20, 'clients that were cut')
    // Its clients have gone, those of the other take the places that it had.
    const expected = Math.min(6, alive())
    await waitFor(
      () => ensemble.status('a').connections === expected && a.connections === expected,
      () => `${expected} connections; ${ensemble.status('a').connections} counted, ${a.connections} open`,
    )
    const answered = () => clients.filter(({ received }) => received.length > 0).length
    while (answered() < alive()) {
      a.release()
      await turns()
      expect(ensemble.status('a').connections).toBeLessThanOrEqual(6)
    }
    for (const client of clients) client.close()
    expect(await ensemble.tally(10)).toEqual({ a: 10 })
    await ensemble.rest()
    expect(ensemble.status('a')).toMatchObject({ connections: 0, requests: 0 })
  })
})

describe('a worker that stands still', () => {
  it('holds up the promise of a change, not the change', async () => {
    await using ensemble = await openEnsemble()
    const c = await ensemble.extra('c')
    await ensemble.ask('/block')
    const done: string[] = []
    const added = ensemble.api.add({ name: 'c', address: c.address }).then(() => done.push('added'))
    const drained = ensemble.api.drain('a').then(() => done.push('drained'))
    // Those of the other worker, whichever connections those are.
    const clients = await Promise.all(Array.from({ length: 30 }, () => rawClient(ensemble.proxy.port)))
    for (const client of clients) await client.send(get('/x'))
    await waitFor(() => c.requests > 0, 'a request at the new one')
    expect(done).toEqual([])
    ensemble.proxy.openGate()
    await Promise.all([added, drained])
    for (const client of clients) {
      expect((await client.readResponse()).content.toString()).toMatch(/^[bc] /)
      client.close()
    }
  })
})

describe('a worker that cannot start', () => {
  it('does not hold up the changes that it was told of, and the one that can knows of them', async () => {
    await using folder = await temporaryFolder()
    await using a = await new MoodyOrigin('a', { kind: 'unix', path: folder.file('a') }).listen()
    await using b = await new MoodyOrigin('b', { kind: 'unix', path: folder.file('b') }).listen()
    const events: EngineEvent[] = []
    const life = new Int32Array(new SharedArrayBuffer(8))
    const engine = await startEngine({
      snapshot: testSnapshot({ upstreams: { api: [a.address] } }),
      workers: 1,
      shutdownGraceMs: 100,
      workerModule: new URL('./mortal-worker.ts', import.meta.url),
      ownerData: { life } satisfies MortalData,
      onEvent: event => events.push(event),
    })
    const address = engine.listeners[0]!.address
    const ask = async (target: string) => {
      using client = await rawClient(address)
      await client.send(get(target))
      return (await client.readResponse()).content.toString()
    }
    expect(await ask('/x')).toBe('a /x')
    await ask('/crash')
    await waitFor(() => life[0] === 2, 'a second life')
    // It waits for the gate, and then fails.
    const api = engine.upstream('api')
    const added = api.add({ name: 'b', address: b.address })
    const removed = api.remove(api.endpoints()[0]!.name)
    Atomics.store(life, 1, 1)
    Atomics.notify(life, 1)
    await Promise.all([added, removed])
    await waitFor(() => events.filter(({ kind }) => kind === 'worker_started').length === 2, 'a third life')
    expect(await ask('/x')).toBe('b /x')
    expect(events.filter(({ kind }) => kind === 'worker_died').length).toBe(2)
    await engine.stop()
  })
})
