import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stampOf, until } from '../../../engine/shared/clock.ts'
import {
  CHECK_HEALTHY,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  EJECTED_AT,
  EJECTED_FOR_CONNECTION,
  EJECTIONS,
  ENDPOINT_CELLS,
  PASSIVE_EJECTED,
  PASSIVE_PROBING,
  PASSIVE_STATE,
  PASSIVE_UNTIL,
  PASSIVE_UP,
  RESTORED_AT,
  UP_SINCE,
} from '../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { EPOCH, UPSTREAM_CELLS } from '../../../engine/shared/upstream-cells.ts'
import type { Address } from '../../../engine/snapshot.ts'
import type { EngineEvent } from '../../../engine/threads/api.ts'
import { HealthWatch } from '../../../engine/threads/health-watch.ts'
import { type EndpointPlacement, placementOf } from '../../../engine/upstream/placement.ts'
import { listenOn } from '../../support/listen.ts'
import { headedServer } from '../../support/proxied-origin.ts'
import { endpointSnapshot, type TestUpstream, upstreamSnapshot } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'

const INDEX = 1

/** An endpoint that checks find well or ill: it takes a connection and answers, or says nothing. */
class Patient {
  isWell = true
  checks = 0
  readonly #server: Server
  readonly address: Address
  readonly close: () => Promise<void>

  private constructor(server: Server, address: Address, close: () => Promise<void>) {
    this.#server = server
    this.address = address
    this.close = close
    this.#server.on('connection', (socket: Socket) => {
      this.checks += 1
      socket.on('error', () => undefined)
      if (this.isWell) socket.end('well')
      else socket.resetAndDestroy()
    })
  }

  static async open(): Promise<Patient> {
    const server = createServer()
    const { address, close } = await listenOn(server)
    return new Patient(server, address, close)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Resolves when `count` checks more have come. */
  async checked(count: number): Promise<void> {
    const wanted = this.checks + count
    await waitFor(() => this.checks >= wanted, `${wanted} checks`)
  }
}

function watch(upstream: Omit<TestUpstream, 'endpoints'>, addresses: readonly Address[], columns = 8) {
  const snapshot = upstreamSnapshot('api', { endpoints: [], ...upstream })
  const page = StatePage.create(2, columns, 2)
  const events: EngineEvent[] = []
  const health = new HealthWatch(snapshot, INDEX, page, event => events.push(event))
  const placements = addresses.map((address, column) => placementOf(endpointSnapshot(address), column, address))
  health.follow(placements)
  const told = () =>
    events.map(event => {
      if (event.kind === 'endpoint_checked') return `${event.healthy ? 'healthy' : 'unhealthy'}: ${event.reason}`
      return event.kind === 'endpoint_health' ? `${event.change}: ${event.reason}` : event.kind
    })
  return {
    health,
    snapshot,
    page,
    placements,
    events,
    told,
    cell: (column: number, index: number) => page.endpointCells[column * ENDPOINT_CELLS + index]!,
    set(column: number, cells: Readonly<Record<number, number>>) {
      for (const [index, value] of Object.entries(cells)) {
        page.endpointCells[column * ENDPOINT_CELLS + Number(index)] = value
      }
    },
    epoch: () => page.upstreamCells[INDEX * UPSTREAM_CELLS + EPOCH]!,
    [Symbol.dispose]: () => health.close(),
  }
}

type Watch = ReturnType<typeof watch>

const CHECKS = { type: 'tcp', expect: 'well', intervalMs: 10, timeoutMs: 1_000, jitter: 0 } as const

/** As a worker does it. */
function eject(played: Watch, column: number, forConnection: boolean, ejections = 1): void {
  const now = stampOf(performance.now())
  played.set(column, {
    [PASSIVE_UNTIL]: (now + 60_000) | 0,
    [EJECTED_AT]: now,
    [EJECTED_FOR_CONNECTION]: forConnection ? 1 : 0,
    [EJECTIONS]: ejections,
    [PASSIVE_STATE]: PASSIVE_EJECTED,
  })
}

describe('active checks', () => {
  it('take an endpoint down after failures in a row and bring it up again, each told once and seen by all workers', async () => {
    await using patient = await Patient.open()
    using played = watch({ active: { ...CHECKS, unhealthyThreshold: 3, healthyThreshold: 2 } }, [patient.address])
    await patient.checked(3)
    expect(played.events).toEqual([])
    patient.isWell = false
    await waitFor(() => played.events.length === 1, 'a change')
    expect(played.cell(0, CHECK_STATE)).toBe(CHECK_UNHEALTHY)
    expect(played.epoch()).toBe(1)
    await patient.checked(5)
    patient.isWell = true
    await waitFor(() => played.events.length === 2, 'another change')
    expect(played.cell(0, CHECK_STATE)).toBe(CHECK_HEALTHY)
    expect(played.cell(0, UP_SINCE)).not.toBe(0)
    expect(played.epoch()).toBe(2)
    await patient.checked(5)
    expect(played.told()).toEqual(['unhealthy: ECONNRESET', 'healthy: answer matches'])
    const { name } = played.placements[0]!
    expect(played.events[0]).toMatchObject({ kind: 'endpoint_checked', upstream: 'api', endpoint: name })
  })

  it('begin with endpoints that come and end with those that go', async () => {
    await using first = await Patient.open()
    await using second = await Patient.open()
    using played = watch({ active: CHECKS }, [first.address])
    await first.checked(1)
    expect(second.checks).toBe(0)
    const [a] = played.placements as [EndpointPlacement]
    const b = placementOf(endpointSnapshot(second.address), 1, second.address)
    played.health.follow([a, b])
    await second.checked(1)
    // The same again changes nothing.
    played.health.follow([{ ...a, weight: 5 }, b])
    played.health.follow([b])
    const { checks } = first
    await second.checked(5)
    // One may have been under way.
    expect(first.checks).toBeLessThanOrEqual(checks + 1)
    played.health.close()
    const seen = [first.checks, second.checks]
    first.isWell = second.isWell = false
    await new Promise(resolve => setImmediate(resolve))
    expect(played.told()).toEqual([])
    expect(second.checks).toBeLessThanOrEqual(seen[1]! + 1)
  })

  it('that are closed leave no timer and no socket', async () => {
    await using patient = await Patient.open()
    const played = watch({ active: CHECKS, passive: { successRate: {} } }, [patient.address, patient.address])
    await patient.checked(2)
    played.health.close()
    const ours = () => process.getActiveResourcesInfo().filter(kind => /^(?:Timeout|TCPSocketWrap)$/.test(kind)).length
    patient.isWell = false
    await waitFor(
      () => ours() <= 1,
      () => process.getActiveResourcesInfo().join(),
    )
    expect(played.events).toEqual([])
  })
})

describe('checks that take the last endpoint down', () => {
  it('have one tried at once that is ejected and passes them', async () => {
    await using well = await Patient.open()
    await using ill = await Patient.open()
    using played = watch({ active: CHECKS }, [well.address, ill.address])
    const leftMs = () => until(played.cell(0, PASSIVE_UNTIL), stampOf(performance.now()))
    eject(played, 0, false)
    await ill.checked(3)
    expect(leftMs()).toBeGreaterThan(10_000)
    ill.isWell = false
    await waitFor(() => played.events.length === 1, 'the other to be down')
    expect(leftMs()).toBeLessThanOrEqual(0)
    expect(played.cell(0, PASSIVE_STATE)).toBe(PASSIVE_EJECTED)
  })
})

describe('a passed check of an ejected endpoint', () => {
  const settings = { active: CHECKS, passive: { ejectMs: 60_000 } }

  it('ends an ejection at once that was for connections', async () => {
    await using patient = await Patient.open()
    using played = watch(settings, [patient.address, patient.address])
    eject(played, 0, true)
    await waitFor(() => played.cell(0, PASSIVE_STATE) === PASSIVE_UP, 'the end of the ejection')
    await patient.checked(6)
    expect(played.told()).toEqual(['up: it passes active checks'])
    expect(played.epoch()).toBe(1)
    expect(played.cell(0, UP_SINCE)).not.toBe(0)
  })

  it('ends one that has a probe under way, too', async () => {
    await using patient = await Patient.open()
    using played = watch(settings, [patient.address])
    eject(played, 0, true)
    played.set(0, { [PASSIVE_STATE]: PASSIVE_PROBING })
    await waitFor(() => played.cell(0, PASSIVE_STATE) === PASSIVE_UP, 'the end of the ejection')
  })

  it('does not end one for bad responses: they came while all checks passed', async () => {
    await using patient = await Patient.open()
    using played = watch(settings, [patient.address])
    eject(played, 0, false)
    await patient.checked(6)
    expect(played.cell(0, PASSIVE_STATE)).toBe(PASSIVE_EJECTED)
    expect(played.events).toEqual([])
  })

  it('does not end one for connections that follows soon: requests see what checks do not', async () => {
    await using patient = await Patient.open()
    using played = watch(settings, [patient.address])
    eject(played, 0, true, 2)
    await patient.checked(6)
    expect(played.cell(0, PASSIVE_STATE)).toBe(PASSIVE_EJECTED)
  })

  it('ends any after checks that have failed, but not before enough have passed', async () => {
    await using patient = await Patient.open()
    using played = watch({ ...settings, active: { ...CHECKS, unhealthyThreshold: 2, healthyThreshold: 3 } }, [
      patient.address,
    ])
    patient.isWell = false
    eject(played, 0, false, 4)
    await waitFor(() => played.events.length === 1, 'the endpoint to be ill')
    patient.isWell = true
    await waitFor(() => played.events.length === 3, 'the endpoint to be well')
    expect(played.told().map(text => text.replace(/:.*/, ''))).toEqual(['unhealthy', 'up', 'healthy'])
    expect(played.cell(0, PASSIVE_STATE)).toBe(PASSIVE_UP)
  })

  it('that began before the ejection says nothing of it', async () => {
    await using patient = await Patient.open()
    using played = watch(settings, [patient.address])
    const later = (stampOf(performance.now()) + 30_000) | 0
    eject(played, 0, true)
    played.set(0, { [EJECTED_AT]: later })
    await patient.checked(6)
    expect(played.cell(0, PASSIVE_STATE)).toBe(PASSIVE_EJECTED)
  })

  it('changes nothing where passive health is off', async () => {
    await using patient = await Patient.open()
    using played = watch({ active: CHECKS, passive: null }, [patient.address])
    await patient.checked(3)
    expect(played.events).toEqual([])
  })
})

describe('success rates', () => {
  const INTERVAL_MS = 1_000
  const passive = {
    ejectMs: 5_000,
    successRate: { intervalMs: INTERVAL_MS, endpointsMin: 5, requestsMin: 10, deviations: 1.9 },
  }
  const five: Address[] = [1, 2, 3, 4, 5].map(last => ({ kind: 'tcp', host: `10.0.0.${last}`, port: 80 }))

  beforeEach(() => {
    vi.useFakeTimers()
    vi.advanceTimersByTime(100_000)
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  /** Requests of each endpoint and how many of them were good, in one interval, over both workers. */
  function serve(played: Watch, counts: readonly (readonly [tries: number, good: number])[]): void {
    for (const [column, [tries, good]] of counts.entries()) {
      const [first, second] = played.page.rows as [(typeof played.page.rows)[0], (typeof played.page.rows)[0]]
      first.tries[column] = first.tries[column]! + tries - 1
      second.tries[column] = second.tries[column]! + 1
      second.goodTries[column] = second.goodTries[column]! + good
    }
    vi.advanceTimersByTime(INTERVAL_MS)
  }

  const good = [100, 100] as const
  const bad = [100, 20] as const

  it('far below the others eject an endpoint, once, with the figures', () => {
    using played = watch({ passive }, five)
    serve(played, [good, good, bad, good, good])
    expect(played.told()).toEqual(['ejected: 20 % good responses, where 84 % are usual and 23.2 % the least; for 5 s'])
    expect(played.cell(2, PASSIVE_STATE)).toBe(PASSIVE_EJECTED)
    expect(played.cell(2, EJECTED_FOR_CONNECTION)).toBe(0)
    expect(played.epoch()).toBe(1)
    serve(played, [good, good, bad, good, good])
    expect(played.events.length).toBe(1)
  })

  it('are those of the last interval alone', () => {
    using played = watch({ passive }, five)
    serve(played, [good, good, good, good, good])
    serve(played, [good, good, [9, 0], good, good])
    expect(played.events).toEqual([])
    serve(played, [good, bad, good, good, good])
    expect(played.cell(1, PASSIVE_STATE)).toBe(PASSIVE_EJECTED)
  })

  it('are not judged by what there was before an endpoint came back: all of the interval counts or nothing', () => {
    using played = watch({ passive }, five)
    serve(played, [good, good, bad, good, good])
    vi.advanceTimersByTime(INTERVAL_MS / 2)
    played.set(2, { [PASSIVE_STATE]: PASSIVE_UP, [RESTORED_AT]: stampOf(performance.now()) })
    serve(played, [good, good, bad, good, good])
    expect(played.events.length).toBe(1)
    serve(played, [good, good, bad, good, good])
    expect(played.events.length).toBe(2)
  })

  it('are judged of endpoints that came back weeks ago', () => {
    using played = watch({ passive }, five)
    played.set(2, { [RESTORED_AT]: (stampOf(performance.now()) - 30 * 86_400_000) | 0 })
    serve(played, [good, good, bad, good, good])
    expect(played.events.length).toBe(1)
  })

  it('of one whose row has counted past 2^32 are what they are', () => {
    using played = watch({ passive }, five)
    played.page.rows[0]!.tries[2] = 2 ** 32 - 50
    played.page.rows[1]!.goodTries[2] = 2 ** 32 - 10
    serve(played, [good, good, good, good, good])
    serve(played, [good, good, good, good, good])
    expect(played.events).toEqual([])
  })

  it('eject within the bounds: no more than the share', () => {
    using played = watch(
      { passive: { ...passive, ejectedMax: 0.2, successRate: { ...passive.successRate, deviations: 0.5 } } },
      five,
    )
    serve(played, [good, bad, bad, good, good])
    expect(played.events.length).toBe(1)
  })

  it('need enough endpoints with enough requests', () => {
    using played = watch({ passive }, five)
    serve(played, [good, good, bad, good, [9, 9]])
    expect(played.events).toEqual([])
  })
})

describe('an upstream that is configured anew', () => {
  const slow = { ...CHECKS, intervalMs: 60_000 }

  it('has checks that are as they were go on, and others begin anew with what is known', async () => {
    await using patient = await Patient.open()
    using played = watch({ active: { ...slow, unhealthyThreshold: 1 } }, [patient.address])
    patient.isWell = false
    await patient.checked(1)
    await waitFor(() => played.events.length === 1, 'a change')
    const reconfigure = (changes: object) => {
      played.health.configure({ ...structuredClone(played.snapshot), ...changes })
      played.health.follow(played.placements.map(placement => ({ ...placement, weight: 7 })))
    }
    const { checks } = patient
    reconfigure({ balance: 'random' })
    patient.isWell = true
    reconfigure({ active: { ...played.snapshot.active!, healthyThreshold: 1 } })
    expect(played.cell(0, CHECK_STATE)).toBe(CHECK_UNHEALTHY)
    await waitFor(() => played.events.length === 2, 'it to be well')
    expect(patient.checks).toBe(checks + 1)
    expect(played.told()[1]).toMatch(/^healthy/)
  })

  it('has checks begin anew where connections begin in another way, as their connections do', async () => {
    await using origin = await headedServer(socket => socket.end('well'))
    using played = watch({ active: slow, proxyProtocol: { version: 2, details: [] } }, [origin.address])
    await waitFor(() => origin.headers.length === 1, 'a check')
    played.health.configure({ ...structuredClone(played.snapshot), proxyProtocol: { version: 1, details: [] } })
    await waitFor(() => origin.headers.length === 2, 'another')
    expect(origin.headers).toEqual(Array(2).fill({ source: null, destination: null, isDatagram: false, details: null }))
  })

  it('without checks keeps nobody down for what a check has found', async () => {
    await using patient = await Patient.open()
    using played = watch({ active: { ...slow, unhealthyThreshold: 1 } }, [patient.address])
    patient.isWell = false
    await waitFor(() => played.cell(0, CHECK_STATE) === CHECK_UNHEALTHY, 'it to be ill')
    played.health.configure({ ...played.snapshot, active: null })
    expect(played.cell(0, CHECK_STATE)).toBe(CHECK_HEALTHY)
    played.set(0, { [CHECK_STATE]: CHECK_UNHEALTHY })
    played.health.release()
    expect(played.cell(0, CHECK_STATE)).toBe(CHECK_HEALTHY)
  })

  it('is known when each endpoint has been checked once, or when that takes too long', async () => {
    await using patient = await Patient.open()
    using played = watch({ active: { ...slow, start: 'unhealthy' } }, [patient.address])
    await played.health.checkedOnce(60_000)
    expect(patient.checks).toBe(1)
    const nobody = { kind: 'unix', path: '/nobody/is/there' } as const
    using silent = watch({ active: { ...slow, start: 'unhealthy' } }, [nobody])
    silent.health.close()
    await silent.health.checkedOnce(60_000)
  })
})
