import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ListenError, ReloadError } from '../../../engine/index.ts'
import { get } from '../../support/heads.ts'
import { listenOn } from '../../support/listen.ts'
import { rawClient } from '../../support/raw-client.ts'
import { waitFor } from '../../support/wait-for.ts'
import {
  COMMIT,
  COMMITTED,
  DIE,
  PASS,
  PREPARE,
  PREPARED,
  REFUSE,
  type SteppedEngine,
  saying,
  startStepped,
  WAIT,
} from './steps.ts'

/** Asks on connections that stay open, so many that every worker has some; each answer is told with its number. */
class Askers implements AsyncDisposable {
  readonly answers: string[] = []
  /** What went wrong. */
  readonly failures: string[] = []
  #stopped = false
  readonly #clients: Promise<void>[]

  constructor(port: number, count = 24) {
    this.#clients = Array.from({ length: count }, () => this.#ask(port))
  }

  async #ask(port: number): Promise<void> {
    while (!this.#stopped) {
      using client = await rawClient(port)
      while (!this.#stopped && client.ended === 'no') {
        await client.send(get('/x'))
        const outcome = await client.nextResponse()
        if (outcome.kind === 'whole') this.answers.push(outcome.response.content.toString())
        else this.failures.push(outcome.kind)
      }
    }
  }

  /** What so many further answers are. */
  async next(count = 200): Promise<string[]> {
    const from = this.answers.length
    await waitFor(() => this.answers.length >= from + count, `${count} answers`, 10_000)
    return [...new Set(this.answers.slice(from))]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#clients)
  }
}

async function expectAllServe(stepped: SteppedEngine, text: string): Promise<void> {
  await using askers = new Askers(stepped.port)
  expect(await askers.next()).toEqual([text])
  await waitFor(() => stepped.engine.workers().every(({ connectionsOpen }) => connectionsOpen > 0), 'both to serve')
}

describe('a reload', () => {
  it('is served by no worker before all have accepted it, then by all', async () => {
    await using stepped = await startStepped(saying('one'))
    await using askers = new Askers(stepped.port)
    stepped.order(1, PREPARED, WAIT)
    const reloaded = stepped.reload(saying('two'))
    await stepped.reached(0, PREPARED)
    await stepped.reached(1, PREPARED)
    // The other one has said long since that it is ready.
    expect(await askers.next(2_000)).toEqual(['one'])
    expect(stepped.engine.generation).toBe(1)
    stepped.order(1, PREPARED, PASS)
    expect((await reloaded).generation).toBe(2)
    await askers.next()
    expect(await askers.next()).toEqual(['two'])
    expect(askers.failures).toEqual([])
    expect(stepped.engine.generation).toBe(2)
  })

  it('comes after the one before it, and each has its number', async () => {
    await using stepped = await startStepped(saying('one'))
    stepped.order(0, PREPARE, WAIT)
    const reloads = ['two', 'three', 'four'].map(text => stepped.reload(saying(text)))
    await stepped.reached(0, PREPARE)
    stepped.order(0, PREPARE, PASS)
    expect((await Promise.all(reloads)).map(({ generation }) => generation)).toEqual([2, 3, 4])
    await expectAllServe(stepped, 'four')
  })

  it.each([PREPARE, PREPARED] as const)('that a worker refuses changes nothing (at step %i)', async step => {
    await using stepped = await startStepped(saying('one'))
    stepped.order(1, step, REFUSE)
    const failure = await stepped.reload(saying('two')).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ReloadError)
    expect(failure).toMatchObject({ reason: 'refused', worker: 1, message: expect.stringContaining('a test wants it') })
    expect(stepped.events.at(-1)).toMatchObject({ kind: 'reload_failed', generation: 1 })
    await expectAllServe(stepped, 'one')
    stepped.order(1, step, PASS)
    expect((await stepped.reload(saying('three'))).generation).toBe(2)
    await expectAllServe(stepped, 'three')
  })

  it('that cannot open a listener changes nothing, in no worker, and leaves none open', async () => {
    await using stepped = await startStepped(saying('one'))
    const taken = await listenOn(createServer())
    const [listener] = stepped.engine.listeners
    const configuration = saying('two', {
      listeners: [{}, { name: 'free' }, { name: 'taken', address: taken.address }],
    })
    const failure = await stepped.reload(configuration).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ListenError)
    expect(failure).toMatchObject({ listener: 'taken', code: 'EADDRINUSE' })
    expect(stepped.engine.listeners).toEqual([listener])
    await expectAllServe(stepped, 'one')
    await taken.close()
    await stepped.reload(configuration)
    expect(stepped.engine.listeners.map(({ name }) => name)).toEqual(['listener0', 'free', 'taken'])
    await expectAllServe(stepped, 'two')
  })
})

describe('a worker that dies', () => {
  it.each([PREPARE, PREPARED] as const)('before all have accepted ends the reload (at step %i)', async step => {
    await using stepped = await startStepped(saying('one'))
    stepped.order(1, step, DIE)
    const failure = await stepped.reload(saying('two')).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'ReloadError', reason: 'died', worker: 1 })
    stepped.order(1, step, PASS)
    await waitFor(() => stepped.count('worker_started') === 3, 'another worker', 10_000)
    await expectAllServe(stepped, 'one')
    expect((await stepped.reload(saying('three'))).generation).toBe(2)
    await expectAllServe(stepped, 'three')
  })

  it('while others make ready is born with what is in force then', async () => {
    await using stepped = await startStepped(saying('one'))
    stepped.order(0, PREPARED, WAIT)
    stepped.order(1, PREPARED, WAIT)
    const reloaded = stepped.reload(saying('two')).catch((error: unknown) => error)
    await stepped.reached(1, PREPARED)
    stepped.order(1, PREPARED, DIE)
    expect(await reloaded).toMatchObject({ reason: 'died', worker: 1 })
    stepped.order(0, PREPARED, PASS)
    stepped.order(1, PREPARED, PASS)
    await waitFor(() => stepped.count('worker_started') === 3, 'another worker', 10_000)
    await expectAllServe(stepped, 'one')
  })

  it.each([COMMIT, COMMITTED] as const)('once it is decided is born with the new one (at step %i)', async step => {
    await using stepped = await startStepped(saying('one'))
    stepped.order(1, step, DIE)
    expect((await stepped.reload(saying('two'))).generation).toBe(2)
    stepped.order(1, step, PASS)
    await waitFor(() => stepped.count('worker_started') === 3, 'another worker', 10_000)
    await expectAllServe(stepped, 'two')
    expect(stepped.engine.workers().map(({ restarts }) => restarts)).toEqual([0, 1])
    await stepped.reload(saying('three'))
    await expectAllServe(stepped, 'three')
  })

  it('just before a reload holds it up until its successor serves', async () => {
    await using stepped = await startStepped(saying('one'))
    stepped.order(1, PREPARE, DIE)
    await stepped.reload(saying('two')).catch(() => undefined)
    stepped.order(1, PREPARE, PASS)
    expect(stepped.engine.workers()[1]?.state).not.toBe('running')
    expect((await stepped.reload(saying('three'))).generation).toBe(2)
    expect(stepped.engine.workers().map(({ state }) => state)).toEqual(['running', 'running'])
    await expectAllServe(stepped, 'three')
  })
})

describe('stop', () => {
  it.each([PREPARE, PREPARED] as const)('during a reload ends both (at step %i)', async step => {
    await using stepped = await startStepped(saying('one', { listeners: [{}] }))
    stepped.order(1, step, WAIT)
    const reloaded = stepped
      .reload(saying('two', { listeners: [{}, { name: 'more' }] }))
      .catch((error: unknown) => error)
    const after = stepped.reload(saying('three')).catch((error: unknown) => error)
    await stepped.reached(1, step)
    const stopped = stepped.engine.stop()
    expect(await reloaded).toMatchObject({ name: 'ReloadError', reason: 'stopping' })
    expect(await after).toMatchObject({ reason: 'stopping' })
    stepped.order(1, step, PASS)
    await stopped
    await expect(rawClient(stepped.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(await stepped.reload(saying('four')).catch((error: unknown) => error)).toMatchObject({ reason: 'stopping' })
  })
})
