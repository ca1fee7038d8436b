import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { benchFilesIn, runBenchFile } from '../../perf/micro/bench-process.ts'
import { ROOT, referencesOf, sourcesIn, textOf } from '../house/repository.ts'
import { THOROUGH } from '../support/thorough.ts'

const FILES = benchFilesIn(ROOT)

/** A process for each takes its time: some are tried, all of them where there is time. */
const TRIED = FILES.filter((_, index) => THOROUGH || index % 4 === 0)

/** Hot modules that have no bench of their own, because they do nothing without the others: the bench that they run in. */
const MEASURED_IN: Readonly<Record<string, string>> = {
  'engine/net/handles.ts': 'net/connection',
  'engine/net/udp-socket.ts': 'l4/udp/udp-port',
  'engine/l4/udp/udp-flow.ts': 'l4/udp/udp-port',
  'engine/upstream/http1-client-session.ts': 'exchange/exchange',
  'engine/upstream/health/circuit.ts': 'upstream/health/endpoint-health',
  'engine/upstream/health/outcome.ts': 'exchange/exchange',
  'engine/upstream/health/passive-health.ts': 'upstream/health/endpoint-health',
  'engine/upstream/balancers/costs.ts': 'upstream/balancers/power-of-two',
  'engine/upstream/balancers/dice.ts': 'upstream/balancers/random',
  'engine/upstream/balancers/weighted-draw.ts': 'upstream/balancers/random',
  'engine/upstream/balancers/score-board.ts': 'upstream/balancers/least-connections',
  'engine/upstream/balancers/load-bound.ts': 'upstream/balancers/maglev',
  'engine/upstream/balancers/ketama-ring.ts': 'upstream/balancers/ketama',
  'engine/exchange/forward.ts': 'exchange/exchange',
  'engine/upstream/counted-try.ts': 'exchange/exchange',
  'engine/exchange/target.ts': 'exchange/exchange',
  'engine/exchange/request-rewrite.ts': 'exchange/exchange',
  'engine/exchange/dispatch.ts': 'exchange/exchange',
  'engine/exchange/grpc/call.ts': 'exchange/exchange',
  'engine/exchange/grpc/content-type.ts': 'exchange/exchange',
  'engine/exchange/strict-transport.ts': 'exchange/exchange',
  'engine/exchange/http1-downstream.ts': 'exchange/exchange',
  'engine/exchange/http2-downstream.ts': 'exchange/http2-exchange',
  'engine/exchange/http2-response-writer.ts': 'exchange/http2-exchange',
  'engine/exchange/http2-server-connection.ts': 'exchange/http2-exchange',
  'engine/multiplex/abuse-guard.ts': 'exchange/http2-exchange',
  'engine/multiplex/early-priorities.ts': 'exchange/http2-exchange',
  'engine/multiplex/frame-output.ts': 'exchange/http2-exchange',
  'engine/multiplex/framed-connection.ts': 'exchange/http2-exchange',
  'engine/multiplex/http2-connection.ts': 'exchange/http2-exchange',
  'engine/multiplex/http2-stream.ts': 'exchange/http2-exchange',
  'engine/multiplex/receive-window.ts': 'exchange/http2-exchange',
  'engine/multiplex/send-order.ts': 'exchange/http2-exchange',
  'engine/multiplex/turn-end.ts': 'exchange/http2-exchange',
  'engine/upstream/auto-pool.ts': 'upstream/http1-pool',
  'engine/upstream/http2-pool.ts': 'upstream/http2-client-stream',
  'engine/exchange/http1-response-writer.ts': 'exchange/exchange',
  'engine/http2/field-kinds.ts': 'http2/request-decoder',
  'engine/http2/frame-writer.ts': 'http2/frame-reader',
  'engine/http2/head-words.ts': 'http2/request-decoder',
  'engine/http2/hpack-decoder.ts': 'http2/request-decoder',
  'engine/http2/hpack-encoder.ts': 'http2/head-encoder',
  'engine/routing/byte-texts.ts': 'routing/router',
  'engine/routing/condition-values.ts': 'routing/router',
  'engine/routing/host-table.ts': 'routing/router',
  'engine/routing/path-table.ts': 'routing/router',
  'engine/routing/rank.ts': 'routing/router',
  'engine/routing/request.ts': 'routing/router',
  'engine/routing/route-index.ts': 'routing/router',
  'src/telemetry/access-line.ts': 'access-line',
  'src/telemetry/flow-line.ts': 'access-line',
  'src/telemetry/log-ring.ts': 'access-line',
  'src/telemetry/log-signal.ts': 'access-line',
}

/** Benches of something else than a module of the engine. */
/** Likewise, and of modules that do nothing without each other. */
const BESIDE_THE_ENGINE = ['access-line', 'exchange/http2-exchange']

const HOT = sourcesIn(['engine', 'src']).filter(path => textOf(path).includes('@hotpath'))

function roomOf(module: string): string {
  return module.replace(/^engine\//, '').replace(/\.ts$/, '')
}

function reaches(path: string, module: string, seen: Set<string> = new Set()): boolean {
  if (path === module) return true
  if (seen.has(path) || !existsSync(join(ROOT, path))) return false
  seen.add(path)
  return referencesOf(path).files.some(file => reaches(file, module, seen))
}

describe('the micro-benchmarks', () => {
  it('have one for every hot module, or one that it runs in', () => {
    const rooms = new Set(FILES.map(({ room }) => room))
    expect(HOT.filter(module => !rooms.has(MEASURED_IN[module] ?? roomOf(module)))).toEqual([])
  })

  it('are told apart where a module runs in the bench of another: it is hot, has none, and is reached', () => {
    const rooms = new Set(FILES.map(({ room }) => room))
    for (const [module, room] of Object.entries(MEASURED_IN)) {
      expect(HOT).toContain(module)
      expect(rooms.has(roomOf(module))).toBe(false)
      expect(reaches(`perf/micro/${room}.bench.ts`, module)).toBe(true)
    }
  })

  it('lie where the modules of the engine lie', () => {
    const mirrored = FILES.map(({ room }) => room).filter(room => !BESIDE_THE_ENGINE.includes(room))
    expect(mirrored.filter(room => !existsSync(join(ROOT, 'engine', `${room}.ts`)))).toEqual([])
  })

  it('import nothing of perf/ but what lies beside them: another tree gets no more of it', () => {
    const strangers = sourcesIn(['perf/micro'])
      .filter(path => path.endsWith('.bench.ts'))
      .flatMap(path => withinMicro(path))
      .flatMap(path => referencesOf(path).packages.filter(name => !name.startsWith('node:')))
    expect(strangers).toEqual([])
  })
})

/** The files of perf/ that a bench imports, itself first; all of them in perf/micro/. The runner is loaded by name. */
function withinMicro(path: string, seen: Set<string> = new Set()): string[] {
  if (seen.has(path) || path === 'perf/micro/runner.ts') return []
  seen.add(path)
  const own = referencesOf(path).files.filter(file => file.startsWith('perf/'))
  for (const file of own) expect(file).toMatch(/^perf\/micro\//)
  return [path, ...own.flatMap(file => withinMicro(file, seen))]
}

describe('a micro-benchmark', () => {
  // All at once, each with a process of its own: on a busy machine the largest takes its time.
  it.concurrent.each(TRIED)(
    'of $room runs',
    async file => {
      const { rows, failed, failure } = await runBenchFile(file, { filter: '', milliseconds: 10, short: true })
      expect({ failed, failure }).toEqual({ failed: [], failure: null })
      expect(rows.length).toBeGreaterThan(0)
      for (const { name, nanoseconds } of rows) {
        expect(name.startsWith(`${file.room}: `)).toBe(true)
        expect(nanoseconds).toBeGreaterThan(0)
      }
      expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
    },
    60_000,
  )
})
