import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BUCKET_CELLS,
  CIRCUIT_CELLS,
  CIRCUIT_CLOSED,
  CIRCUIT_CLOSED_AT,
  CIRCUIT_GOOD,
  CIRCUIT_HALF_OPEN,
  CIRCUIT_OPEN,
  CIRCUIT_STATE,
  CIRCUIT_TRIALS,
  CIRCUIT_UNTIL,
  WINDOW_BUCKETS,
  WINDOW_CELLS,
} from '../../../../engine/shared/circuit-cells.ts'
import { EJECTED_FOR_CONNECTION, ENDPOINT_CELLS, ENDPOINT_CIRCUIT } from '../../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../../engine/shared/state-page.ts'
import { UPSTREAM_CELLS, UPSTREAM_CIRCUIT } from '../../../../engine/shared/upstream-cells.ts'
import type { CircuitBreakerSnapshot } from '../../../../engine/snapshot.ts'
import {
  BLOCKED,
  Circuit,
  type CircuitChange,
  PASSES,
  PASSES_AS_TRIAL,
} from '../../../../engine/upstream/health/circuit.ts'
import { upstreamSnapshot } from '../../../support/snapshot.ts'

const COLUMN = 1
const BASE = COLUMN * ENDPOINT_CELLS + ENDPOINT_CIRCUIT
const WINDOW_MS = 10_000
const BUCKET_MS = WINDOW_MS / WINDOW_BUCKETS
const OPEN_MS = 5_000
/** A beginning of a bucket. */
const START = 1_000_000

interface Scene {
  readonly page: StatePage
  /** One for each worker. */
  readonly circuits: readonly Circuit[]
  cell(index: number): number
}

/** The circuit of one endpoint, as several workers see it. */
function scene(settings: Partial<CircuitBreakerSnapshot> = {}, workers = 2): Scene {
  const { circuitBreaker } = upstreamSnapshot('a', {
    endpoints: [],
    circuitBreaker: { minimum: 10, windowMs: WINDOW_MS, openMs: OPEN_MS, ...settings },
  })
  const page = StatePage.create(workers, 3, 1)
  const windows = page.rows.map(row => row.windows)
  const circuits = windows.map(
    own =>
      new Circuit(circuitBreaker!, {
        cells: page.endpointCells,
        base: BASE,
        windows,
        own,
        windowBase: COLUMN * WINDOW_CELLS,
      }),
  )
  return { page, circuits, cell: index => page.endpointCells[BASE + index]! }
}

function observe(circuit: Circuit, results: string, stamp: number, isTrial = false): CircuitChange[] {
  return [...results].map(result => circuit.observe(isTrial, result === 'x', result === 'x' ? -1 : 1_000, stamp))
}

/** Opens it by failures in the first worker. */
function open({ circuits }: Scene, stamp = START): void {
  expect(observe(circuits[0]!, 'x'.repeat(10), stamp)).toContain('open')
}

/** Opens it, and takes all trials once its time is over. Gives the stamp. */
function halfOpen(played: Scene, trials: number): number {
  open(played)
  const stamp = START + OPEN_MS
  for (let trial = 0; trial < trials; trial += 1) expect(played.circuits[trial % 2]!.enter(stamp)).toBe(true)
  return stamp
}

describe('a closed circuit', () => {
  it('opens at the ratio, with the failure that reaches it, and not below the minimum of tries', () => {
    const { circuits } = scene()
    expect(observe(circuits[0]!, 'xxxxxxxxx', START)).toEqual(Array(9).fill(''))
    expect(circuits[0]!.state(START)).toBe(PASSES)
    expect(observe(circuits[0]!, 'x', START)).toEqual(['open'])
    expect(circuits[0]!.isClosed).toBe(false)
    expect(circuits[0]!.state(START)).toBe(BLOCKED)
  })

  it('stays closed just below the ratio', () => {
    const { circuits } = scene()
    expect(observe(circuits[0]!, `${'.'.repeat(60)}${'x'.repeat(59)}`, START).join('')).toBe('')
    expect(observe(circuits[0]!, 'x', START)).toEqual(['open'])
  })

  it('counts the tries of all workers together, and is open for all of them at once', () => {
    const { circuits } = scene({}, 4)
    for (const circuit of circuits) observe(circuit, '..', START)
    for (const circuit of circuits.slice(0, 3)) expect(observe(circuit, 'xx', START)).toEqual(['', ''])
    expect(observe(circuits[3]!, 'xx', START)).toEqual(['', 'open'])
    expect(circuits.map(circuit => circuit.state(START))).toEqual(Array(4).fill(BLOCKED))
    expect(circuits.map(circuit => circuit.leftMs(START + 1))).toEqual(Array(4).fill(OPEN_MS - 1))
  })

  it('opens by slow tries, at their own ratio, and a try without a first byte is not slow', () => {
    const { circuits } = scene({ slowRatio: 0.3, slowMs: 200, failureRatio: 1 })
    const tries = [100_000, 200_000, 50_000, 10, 200_001, 300_000, -1, 1_000, 1_000]
    for (const us of tries) expect(circuits[0]!.observe(false, us < 0, us, START)).toBe('')
    expect(circuits[0]!.observe(false, false, 200_001, START)).toBe('open')
  })

  it('has no use for the time of a try where no ratio of slow ones is set', () => {
    const { circuits } = scene({ slowRatio: 0, slowMs: 0 })
    for (let tries = 0; tries < 100; tries += 1) expect(circuits[0]!.observe(false, false, 1e9, START)).toBe('')
  })

  it('has a window that slides: what is older than it does not count', () => {
    const { circuits } = scene()
    observe(circuits[0]!, 'xxxxx', START)
    observe(circuits[0]!, 'xxx', START + 5 * BUCKET_MS)
    // The five are out, with the tenth bucket after theirs.
    expect(observe(circuits[0]!, 'xxxxxx', START + WINDOW_MS)).toEqual(['', '', '', '', '', ''])
    expect(observe(circuits[0]!, 'x', START + WINDOW_MS)).toEqual(['open'])
  })

  it('keeps what is within it to the end of its bucket', () => {
    const { circuits } = scene()
    observe(circuits[0]!, 'xxxxxxxxx', START)
    expect(observe(circuits[1]!, 'x', START + WINDOW_MS - 1)).toEqual(['open'])
  })

  it('forgets by good tries that bring the ratio down, never by their number alone', () => {
    const { circuits } = scene()
    observe(circuits[0]!, `${'.'.repeat(1_000)}`, START)
    expect(observe(circuits[0]!, 'x'.repeat(999), START).join('')).toBe('')
    expect(observe(circuits[0]!, 'x', START)).toEqual(['open'])
  })

  it.each([
    [1, 10],
    [50, 50],
    [100, 100],
    [125, 125],
    [333, 333],
    [3_600_000, 3_600_000],
  ])('with a window of %i ms forgets after %i ms, and not much sooner', (windowMs, forgottenMs) => {
    const { circuits } = scene({ windowMs })
    const bucketMs = Math.max(10, windowMs / WINDOW_BUCKETS)
    const begin = Math.ceil(Math.ceil(START / bucketMs) * bucketMs)
    observe(circuits[0]!, 'xxxxxxxxx', begin)
    expect(observe(circuits[0]!, 'x', begin + Math.ceil(forgottenMs))).toEqual([''])
    const other = scene({ windowMs }).circuits[0]!
    observe(other, 'xxxxxxxxx', begin)
    expect(observe(other, 'x', begin + Math.floor(forgottenMs - bucketMs - 1))).toEqual(['open'])
  })

  it('counts what a worker has told whose clock is a little ahead', () => {
    const { circuits } = scene()
    observe(circuits[1]!, 'xxxxxxxxx', START)
    expect(observe(circuits[0]!, 'x', START - 1)).toEqual(['open'])
  })

  it('minds a minimum of one: a single failure is a ratio of one', () => {
    expect(observe(scene({ minimum: 1 }).circuits[0]!, 'x', START)).toEqual(['open'])
  })
})

describe('an open circuit', () => {
  it('blocks until its time is over, to the millisecond', () => {
    const played = scene()
    open(played)
    const [circuit] = played.circuits as [Circuit]
    expect(circuit.state(START + OPEN_MS - 1)).toBe(BLOCKED)
    expect(circuit.leftMs(START + OPEN_MS - 1)).toBe(1)
    expect(circuit.enter(START + OPEN_MS - 1)).toBe(false)
    expect(circuit.state(START + OPEN_MS)).toBe(PASSES_AS_TRIAL)
    expect(played.cell(CIRCUIT_STATE)).toBe(CIRCUIT_OPEN)
  })

  it('is told once, however many tries fail that were under way', () => {
    const played = scene()
    open(played)
    for (const circuit of played.circuits) expect(observe(circuit, 'x'.repeat(50), START).join('')).toBe('')
    expect(played.circuits[0]!.leftMs(START)).toBe(OPEN_MS)
  })

  it('is not closed by good tries that were under way', () => {
    const played = scene()
    open(played)
    expect(observe(played.circuits[1]!, '.'.repeat(100), START + OPEN_MS).join('')).toBe('')
    expect(played.circuits[1]!.isClosed).toBe(false)
  })

  it('with part of a millisecond is open for a whole one', () => {
    const played = scene({ openMs: 0.5 })
    open(played)
    expect(played.circuits[0]!.state(START)).toBe(BLOCKED)
    expect(played.circuits[0]!.state(START + 1)).toBe(PASSES_AS_TRIAL)
  })
})

describe('a half-open circuit', () => {
  it.each([1, 3, 7])('lets exactly %i tries in, over all workers', trials => {
    const played = scene({ halfOpen: trials }, 3)
    open(played)
    const stamp = START + OPEN_MS
    const entered = Array.from({ length: 5 * trials }, (_, index) => played.circuits[index % 3]!.enter(stamp))
    expect(entered.filter(Boolean).length).toBe(trials)
    expect(played.cell(CIRCUIT_STATE)).toBe(CIRCUIT_HALF_OPEN)
    expect(played.cell(CIRCUIT_TRIALS)).toBe(trials)
    expect(played.circuits.map(circuit => circuit.state(stamp))).toEqual(Array(3).fill(BLOCKED))
  })

  it('closes when all of them were good, in whichever worker; one tells of it', () => {
    const played = scene({ halfOpen: 3 })
    const stamp = halfOpen(played, 3)
    expect(observe(played.circuits[0]!, '..', stamp + 10, true)).toEqual(['', ''])
    expect(played.circuits[1]!.isClosed).toBe(false)
    expect(observe(played.circuits[1]!, '.', stamp + 20, true)).toEqual(['closed'])
    expect(played.circuits.map(circuit => circuit.state(stamp + 20))).toEqual([PASSES, PASSES])
  })

  it('opens again with the first bad one; one tells of it, and the others that come back say nothing', () => {
    const played = scene({ halfOpen: 3 })
    const stamp = halfOpen(played, 3)
    expect(observe(played.circuits[0]!, '.', stamp, true)).toEqual([''])
    expect(observe(played.circuits[1]!, 'x', stamp + 100, true)).toEqual(['open'])
    expect(observe(played.circuits[0]!, 'x', stamp + 100, true)).toEqual([''])
    expect(played.circuits[0]!.leftMs(stamp + 100)).toBe(OPEN_MS)
    // A new round wants all of its own.
    const later = stamp + 100 + OPEN_MS
    expect(played.circuits[0]!.enter(later)).toBe(true)
    expect(observe(played.circuits[0]!, '..', later, true)).toEqual(['', ''])
    expect(observe(played.circuits[0]!, '.', later, true)).toEqual(['closed'])
  })

  it('opens again with a slow one', () => {
    const played = scene({ halfOpen: 2, slowRatio: 1, slowMs: 100 })
    const stamp = halfOpen(played, 2)
    expect(played.circuits[0]!.observe(true, false, 100_001, stamp)).toBe('open')
  })

  it('lets another in for one that came to nothing', () => {
    const played = scene({ halfOpen: 2 })
    const stamp = halfOpen(played, 2)
    for (let refused = 0; refused < 5; refused += 1) expect(played.circuits[1]!.enter(stamp)).toBe(false)
    played.circuits[0]!.leave()
    expect(played.circuits[1]!.state(stamp)).toBe(PASSES_AS_TRIAL)
    expect(played.circuits[1]!.enter(stamp)).toBe(true)
    expect(played.circuits[0]!.enter(stamp)).toBe(false)
  })

  it('replaces tries that got lost when its time is over, by as many as before', () => {
    const played = scene({ halfOpen: 2 })
    const stamp = halfOpen(played, 2)
    expect(played.circuits[0]!.state(stamp + OPEN_MS - 1)).toBe(BLOCKED)
    expect(played.circuits[0]!.state(stamp + OPEN_MS)).toBe(PASSES_AS_TRIAL)
    const entered = Array.from({ length: 9 }, (_, index) => played.circuits[index % 2]!.enter(stamp + OPEN_MS))
    expect(entered.filter(Boolean).length).toBe(2)
    expect(observe(played.circuits[1]!, '..', stamp + OPEN_MS, true)).toEqual(['', 'closed'])
  })

  it('takes no good tries of a round before into the new one', () => {
    const played = scene({ halfOpen: 3 })
    const stamp = halfOpen(played, 3)
    expect(observe(played.circuits[0]!, '..', stamp, true)).toEqual(['', ''])
    const later = stamp + OPEN_MS
    expect(played.circuits[0]!.enter(later)).toBe(true)
    expect(observe(played.circuits[0]!, '.', later, true)).toEqual([''])
    expect(played.cell(CIRCUIT_GOOD)).toBe(1)
  })

  it('hears nothing of tries that were let in without it', () => {
    const played = scene({ halfOpen: 1 })
    const stamp = halfOpen(played, 1)
    expect(observe(played.circuits[0]!, `${'.'.repeat(5)}${'x'.repeat(20)}`, stamp).join('')).toBe('')
    expect(played.cell(CIRCUIT_STATE)).toBe(CIRCUIT_HALF_OPEN)
  })
})

describe('what comes late', () => {
  it('a trial that leaves a circuit which has closed, or opened again, changes no count', () => {
    const played = scene({ halfOpen: 1 })
    const stamp = halfOpen(played, 1)
    expect(observe(played.circuits[0]!, 'x', stamp, true)).toEqual(['open'])
    played.circuits[0]!.leave()
    expect(played.cell(CIRCUIT_TRIALS)).toBe(1)
    expect(played.circuits[0]!.enter(stamp + OPEN_MS)).toBe(true)
    expect(observe(played.circuits[0]!, '.', stamp + OPEN_MS, true)).toEqual(['closed'])
    played.circuits[1]!.leave()
    played.circuits[1]!.leave()
    expect(played.cell(CIRCUIT_TRIALS)).toBeGreaterThanOrEqual(0)
  })

  it('more that leave than have come in make no room for more than there is', () => {
    const played = scene({ halfOpen: 2 })
    const stamp = halfOpen(played, 1)
    for (let left = 0; left < 5; left += 1) played.circuits[1]!.leave()
    expect(played.cell(CIRCUIT_TRIALS)).toBe(0)
    const entered = Array.from({ length: 5 }, () => played.circuits[0]!.enter(stamp))
    expect(entered.filter(Boolean).length).toBe(2)
  })

  it('a bad trial of a circuit that has closed counts as one try and no more', () => {
    const played = scene({ halfOpen: 1, minimum: 2 })
    const stamp = halfOpen(played, 1)
    expect(observe(played.circuits[0]!, '.', stamp, true)).toEqual(['closed'])
    const later = stamp + BUCKET_MS
    expect(observe(played.circuits[1]!, 'x', later, true)).toEqual([''])
    expect(observe(played.circuits[0]!, 'x', later)).toEqual(['open'])
  })

  it('a request that wants in as a trial after the circuit has closed leaves it closed', () => {
    const played = scene({ halfOpen: 1 })
    const stamp = halfOpen(played, 1)
    expect(observe(played.circuits[0]!, '.', stamp, true)).toEqual(['closed'])
    expect(played.circuits[1]!.enter(stamp + 10 * OPEN_MS)).toBe(false)
    expect(played.cell(CIRCUIT_STATE)).toBe(CIRCUIT_CLOSED)
    expect(played.circuits[1]!.state(stamp + 10 * OPEN_MS)).toBe(PASSES)
  })

  it('failures from before it closed do not open it again, those behind do', () => {
    const played = scene({ halfOpen: 1 })
    observe(played.circuits[1]!, 'x'.repeat(9), START)
    expect(observe(played.circuits[1]!, 'x', START)).toEqual(['open'])
    // Requests that were under way still fail while it is open.
    observe(played.circuits[0]!, 'x'.repeat(50), START + OPEN_MS)
    const stamp = START + OPEN_MS
    expect(played.circuits[0]!.enter(stamp)).toBe(true)
    expect(observe(played.circuits[0]!, '.', stamp, true)).toEqual(['closed'])
    expect(observe(played.circuits[0]!, 'x', stamp)).toEqual([''])
    // From the next bucket on all that counts is new.
    expect(observe(played.circuits[0]!, 'x'.repeat(9), stamp + BUCKET_MS).join('')).toBe('')
    expect(observe(played.circuits[1]!, 'x', stamp + BUCKET_MS)).toEqual(['open'])
  })
})

describe('stamps that wrap', () => {
  const edges = [
    ['at 2^31', 2 ** 31],
    ['at 2^32', 2 ** 32],
  ] as const

  it.each(edges)('%s change nothing in how long it is open', (_, edge) => {
    for (const offset of [-OPEN_MS, -OPEN_MS + 1, -1, 0, 1]) {
      const played = scene({ halfOpen: 1 })
      const at = (ms: number) => (edge + offset + ms) | 0
      open(played, at(0))
      expect(played.circuits[0]!.state(at(OPEN_MS - 1))).toBe(BLOCKED)
      expect(played.circuits[0]!.enter(at(OPEN_MS - 1))).toBe(false)
      expect(played.circuits[0]!.enter(at(OPEN_MS))).toBe(true)
      expect(observe(played.circuits[0]!, '.', at(OPEN_MS), true)).toEqual(['closed'])
    }
  })

  it('at 2^31 lie in the middle of a window that goes on', () => {
    const { circuits } = scene()
    observe(circuits[0]!, 'xxxxxxxxx', (2 ** 31 - 2 * BUCKET_MS) | 0)
    expect(observe(circuits[1]!, 'x', (2 ** 31 + 2 * BUCKET_MS) | 0)).toEqual(['open'])
  })

  it('at 2^32 begin a new window: nothing opens by mistake, and what fails then opens it', () => {
    const { circuits } = scene()
    observe(circuits[0]!, 'xxxxxxxxx', (2 ** 32 - 1) | 0)
    expect(observe(circuits[0]!, 'xxxxxxxxx', 0).join('')).toBe('')
    expect(observe(circuits[0]!, 'x', 1)).toEqual(['open'])
  })

  it('at 2^32 do not make a circuit blind that was closed shortly before', () => {
    const played = scene({ halfOpen: 1 })
    const at = (ms: number) => (2 ** 32 + ms) | 0
    open(played, at(-OPEN_MS - 1))
    expect(played.circuits[0]!.enter(at(-1))).toBe(true)
    expect(observe(played.circuits[0]!, '.', at(-1), true)).toEqual(['closed'])
    expect(observe(played.circuits[0]!, 'x'.repeat(10), at(WINDOW_MS + BUCKET_MS)).at(-1)).toBe('open')
  })

  it('let a circuit go that nobody has asked for weeks', () => {
    const DAY_MS = 86_400_000
    for (let days = 1; days < 50; days += 1) {
      const played = scene({ halfOpen: 1 })
      open(played)
      const stamp = (START + days * DAY_MS) | 0
      expect(played.circuits[0]!.state(stamp), `after ${days} days`).toBe(PASSES_AS_TRIAL)
      expect(played.circuits[0]!.enter(stamp)).toBe(true)
      expect(played.circuits[0]!.enter(stamp)).toBe(false)
    }
  })

  it('count failures as ever, weeks after it was closed', () => {
    const DAY_MS = 86_400_000
    for (const days of [20, 24, 25, 30, 49, 50]) {
      const played = scene({ halfOpen: 1 })
      const stamp = halfOpen(played, 1)
      observe(played.circuits[0]!, '.', stamp, true)
      expect(observe(played.circuits[0]!, 'x'.repeat(10), (stamp + days * DAY_MS) | 0).at(-1), `${days} days`).toBe(
        'open',
      )
    }
  })
})

describe('the cells of a circuit', () => {
  it('fit where they lie: beside what else is kept of an endpoint and of an upstream', () => {
    expect(ENDPOINT_CIRCUIT + CIRCUIT_CELLS).toBeLessThanOrEqual(EJECTED_FOR_CONNECTION)
    expect(UPSTREAM_CIRCUIT + CIRCUIT_CELLS).toBeLessThanOrEqual(UPSTREAM_CELLS)
    const cells = [CIRCUIT_STATE, CIRCUIT_UNTIL, CIRCUIT_TRIALS, CIRCUIT_GOOD, CIRCUIT_CLOSED_AT]
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...cells)).toBeLessThan(CIRCUIT_CELLS)
    expect(WINDOW_CELLS).toBe(WINDOW_BUCKETS * BUCKET_CELLS)
  })

  it('are all that one writes: neighbours stay as they are', () => {
    const played = scene({ halfOpen: 2 })
    const stamp = halfOpen(played, 2)
    observe(played.circuits[0]!, '..', stamp, true)
    const written = [...played.page.endpointCells.keys()].filter(index => played.page.endpointCells[index] !== 0)
    expect(written.every(index => index >= BASE && index < BASE + CIRCUIT_CELLS)).toBe(true)
    const { windows } = played.page.rows[0]!
    const counted = [...windows.keys()].filter(index => windows[index] !== 0)
    expect(counted.every(index => Math.floor(index / WINDOW_CELLS) === COLUMN)).toBe(true)
    expect(played.page.rows[1]!.windows.every(cell => cell === 0)).toBe(true)
  })
})

describe('a circuit of several workers, whatever they do', () => {
  type Step =
    | { readonly kind: 'request' | 'end' | 'fail' | 'leave'; readonly worker: number; readonly pick: number }
    | { readonly kind: 'pass'; readonly ms: number }

  const workers = 3
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('request' as const), worker: fc.nat(2), pick: fc.nat(99) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), worker: fc.nat(2), pick: fc.nat(99) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('fail' as const), worker: fc.nat(2), pick: fc.nat(99) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), worker: fc.nat(2), pick: fc.nat(99) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 40, 100, 300) }) },
  )

  it('is told of in an order that makes sense, lets no more in than it should, and always comes back', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(START, 2 ** 31 - 300, 2 ** 32 - 300),
        (steps, trials, begin) => {
          const { circuits, cell } = scene({ halfOpen: trials, minimum: 3, windowMs: 500, openMs: 100 }, workers)
          let now = begin
          let told = 'closed' as CircuitChange
          /** Tries under way: whether each is a trial. */
          const running: boolean[] = []
          /** When each trial of the last `openMs` was let in, but for those that have left. */
          let recent: number[] = []
          const hear = (change: CircuitChange) => {
            if (change === '') return
            // Never closed twice; open again after open is a round of trials that has failed.
            if (change === 'closed') expect(told).toBe('open')
            told = change
            expect(cell(CIRCUIT_STATE)).toBe(change === 'open' ? CIRCUIT_OPEN : CIRCUIT_CLOSED)
          }
          for (const one of steps) {
            if (one.kind === 'pass') {
              now += one.ms
            } else if (one.kind === 'request') {
              const circuit = circuits[one.worker]!
              // A worker may act on what it saw a moment ago.
              const state = one.pick % 4 === 0 ? PASSES_AS_TRIAL : circuit.state(now | 0)
              if (state === PASSES) running.push(false)
              else if (state === PASSES_AS_TRIAL && circuit.enter(now | 0)) {
                running.push(true)
                recent.push(now)
              }
              recent = recent.filter(at => at > now - 100)
              expect(recent.length).toBeLessThanOrEqual(trials)
            } else if (running.length > 0) {
              const [isTrial] = running.splice(one.pick % running.length, 1) as [boolean]
              const circuit = circuits[one.worker]!
              if (one.kind === 'leave') {
                if (isTrial) circuit.leave()
                if (isTrial) recent.pop()
              } else {
                hear(circuit.observe(isTrial, one.kind === 'fail', 1_000, now | 0))
                // A round that is over says nothing of how many are let in by the next.
                if (cell(CIRCUIT_STATE) !== CIRCUIT_HALF_OPEN) recent = []
              }
            }
            const isClosed = cell(CIRCUIT_STATE) === CIRCUIT_CLOSED
            expect(told === 'closed').toBe(isClosed)
            expect(cell(CIRCUIT_TRIALS)).toBeGreaterThanOrEqual(0)
            expect(cell(CIRCUIT_TRIALS)).toBeLessThanOrEqual(trials)
            expect(cell(CIRCUIT_GOOD)).toBeGreaterThanOrEqual(0)
          }
          // Whatever was under way got lost.
          now += 1_000
          for (let trial = 0; trial < trials && told === 'open'; trial += 1) {
            expect(circuits[trial % workers]!.enter(now | 0)).toBe(true)
            hear(circuits[trial % workers]!.observe(true, false, 1_000, now | 0))
          }
          expect(told).toBe('closed')
        },
      ),
      { numRuns: 500 },
    )
  })
})
