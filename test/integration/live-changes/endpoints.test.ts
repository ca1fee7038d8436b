import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Ensemble, openEnsemble } from '../../support/ensemble.ts'
import { get } from '../../support/heads.ts'
import { rawClient } from '../../support/raw-client.ts'
import { SteadyLoad } from '../../support/steady-load.ts'
import { waitFor } from '../../support/wait-for.ts'

let ensemble: Ensemble
beforeEach(async () => {
  ensemble = await openEnsemble()
})
afterEach(async () => {
  await ensemble.rest()
  await ensemble[Symbol.asyncDispose]()
})

const changes = () =>
  ensemble.proxy.events.flatMap(event =>
    event.kind === 'endpoints_changed' ? [`+${event.added.join()} -${event.removed.join()}`] : [],
  )

/** A request that the origin of that name holds back; `answer` resolves with what came of it. */
async function hold(name: string) {
  const origin = ensemble.origin(name)
  const before = origin.held
  const client = await rawClient(ensemble.proxy.port)
  while (origin.held === before) {
    await client.send(get(`/held/${name}`))
    await waitFor(() => client.unread.length > 0 || origin.held > before, 'an answer or a request that waits')
    if (client.unread.length > 0) await client.readResponse()
  }
  return {
    client,
    async answer() {
      const { content } = await client.readResponse()
      client.close()
      return content.toString()
    },
  }
}

describe('changes while requests run', () => {
  it('bring an endpoint in that serves from then on, and none of the requests fails', async () => {
    await using load = new SteadyLoad(ensemble.proxy.port, 8)
    const c = await ensemble.extra('c')
    await load.next(50)
    await ensemble.api.add({ name: 'c', address: c.address })
    const counts = await load.next(150)
    expect(Object.keys(counts).toSorted()).toEqual(['a', 'b', 'c'])
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(30)
    expect(changes()).toEqual(['+c -'])
    expect(ensemble.api.endpoints().map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    await load.stop()
  })

  it('take one out: what runs there ends in its own time, its idle connections are closed, nothing new comes', async () => {
    await using load = new SteadyLoad(ensemble.proxy.port, 8)
    await load.next(50)
    const held = await hold('b')
    await ensemble.api.remove('b')
    expect(Object.keys(await load.next(50))).toEqual(['a'])
    // What was sent before has been read there by now.
    const { requests } = ensemble.origin('b')
    expect(Object.keys(await load.next(50))).toEqual(['a'])
    expect(ensemble.origin('b').requests).toBe(requests)
    await waitFor(() => ensemble.origin('b').connections === 1, 'idle connections to be closed')
    ensemble.origin('b').release()
    expect(await held.answer()).toBe('b /held/b')
    await waitFor(() => ensemble.origin('b').connections === 0, 'the last connections to be closed')
    expect(changes()).toEqual(['+ -b'])
    await load.stop()
  })

  it('take one down and bring it up: nothing of that is a failure', async () => {
    await using load = new SteadyLoad(ensemble.proxy.port, 8)
    for (let round = 0; round < 3; round += 1) {
      await ensemble.api.down('a')
      expect(Object.keys(await load.next(60))).toEqual(['b'])
      expect(ensemble.status('a').state).toBe('down')
      await ensemble.api.up('a')
      expect(Object.keys(await load.next(60)).toSorted()).toEqual(['a', 'b'])
    }
    expect(changes()).toEqual([])
    expect(ensemble.told()).toEqual([])
    await load.stop()
  })

  it('give other weights: the requests follow', async () => {
    await using load = new SteadyLoad(ensemble.proxy.port, 8)
    const shareOfA = async () => {
      const { a = 0, b = 0, ...others } = await load.next(400)
      expect(others).toEqual({})
      return a / (a + b)
    }
    expect(await shareOfA()).toBeCloseTo(0.5, 1)
    await ensemble.api.setWeight('a', 9)
    expect(await shareOfA()).toBeCloseTo(0.9, 1)
    expect(ensemble.status('a').weight).toBe(9)
    await ensemble.api.setWeight('b', 27)
    expect(await shareOfA()).toBeCloseTo(0.25, 1)
    await load.stop()
  })

  it('may come in any number at once, and without waiting: the last of them is what holds', async () => {
    await using load = new SteadyLoad(ensemble.proxy.port, 8)
    const c = await ensemble.extra('c')
    const all: Promise<void>[] = []
    for (let round = 0; round < 60; round += 1) {
      all.push(ensemble.api.add({ name: 'c', address: c.address }))
      all.push(ensemble.api.setWeight('c', 1 + round))
      all.push(ensemble.api.down('c'), ensemble.api.up('c'))
      all.push(ensemble.api.remove('c'))
    }
    all.push(ensemble.api.add({ name: 'c', address: c.address, weight: 2 }))
    all.push(ensemble.api.remove('a'))
    await Promise.all(all)
    const { b = 0, c: ofC = 0, ...others } = await load.next(300)
    expect(others).toEqual({})
    expect(ofC / (b + ofC)).toBeCloseTo(2 / 3, 1)
    await load.stop()
    for (const { requests } of ensemble.api.endpoints()) expect(requests).toBe(0)
  })
})

describe('drain', () => {
  it('sends new requests elsewhere, closes what is idle, and resolves when the last that ran has ended', async () => {
    await ensemble.tally(20)
    const held = await hold('a')
    let isDone = false
    const drained = ensemble.api.drain('a').then(() => {
      isDone = true
    })
    await waitFor(() => ensemble.origin('a').connections === 1, 'idle connections to be closed')
    expect(await ensemble.tally(20)).toEqual({ b: 20 })
    expect(ensemble.status('a')).toMatchObject({ state: 'draining', requests: 1 })
    expect(isDone).toBe(false)
    ensemble.origin('a').release()
    expect(await held.answer()).toBe('a /held/a')
    await drained
    expect(ensemble.status('a').requests).toBe(0)
    await ensemble.api.up('a')
    const { a = 0 } = await ensemble.tally(20)
    expect(a).toBeGreaterThan(0)
  })

  it('of an endpoint at rest resolves at once, and no later than it is told to of one that is not', async () => {
    await ensemble.api.drain('b')
    const held = await hold('a')
    await ensemble.api.drain('a', 30)
    expect(ensemble.status('a')).toMatchObject({ state: 'draining', requests: 1 })
    ensemble.origin('a').release()
    await held.answer()
  })

  it('of all leaves nobody: 503 until one is up again', async () => {
    await Promise.all([ensemble.api.drain('a'), ensemble.api.drain('b')])
    expect(await ensemble.tally(4)).toEqual({ 503: 4 })
    await ensemble.api.up('b')
    expect(await ensemble.tally(4)).toEqual({ b: 4 })
  })
})

describe('the columns of endpoints that have gone', () => {
  it('are used again, with nothing left of their last owner', async () => {
    const c = await ensemble.extra('c')
    for (let batch = 0; batch < 6; batch += 1) {
      const all: Promise<void>[] = []
      for (let cycle = 0; cycle < 100; cycle += 1) {
        all.push(ensemble.api.add({ name: 'c', address: c.address }), ensemble.api.remove('c'))
      }
      await Promise.all(all)
      await ensemble.api.add({ name: 'c', address: c.address })
      await ensemble.tally(6)
      await ensemble.api.remove('c')
    }
    await ensemble.api.add({ name: 'c', address: c.address })
    expect(ensemble.status('c')).toMatchObject({ state: 'up', requests: 0, tries: 0, goodTries: 0, ejections: 0 })
    await ensemble.tally(9)
    expect(ensemble.status('c').tries).toBeGreaterThan(0)
    expect(changes().length).toBe(6 * 202 + 1)
  })

  it('are not given away while a request of the last owner runs; its end changes nothing for the next one', async () => {
    const c = await ensemble.extra('c')
    await ensemble.api.add({ name: 'c', address: c.address })
    const held = await hold('c')
    await ensemble.api.remove('c')
    for (let cycle = 0; cycle < 30; cycle += 1) {
      await ensemble.api.add({ name: 'd', address: c.address })
      expect(ensemble.status('d').requests).toBe(0)
      await ensemble.api.remove('d')
    }
    await ensemble.api.add({ name: 'd', address: c.address })
    c.release()
    expect(await held.answer()).toBe('c /held/c')
    await ensemble.tally(6)
    expect(ensemble.api.endpoints().map(({ requests }) => requests)).toEqual([0, 0, 0])
  })
})
