import { createLivePage, LivePage } from '../../../src/bench/live-page.ts'
import { checkOptions } from '../../../src/bench/options.ts'
import type { ThreadReport } from '../../../src/bench/plan.ts'
import { Recorder } from '../../../src/bench/recorder.ts'
import { type BenchResult, summarise } from '../../../src/bench/result.ts'

/** A thread that was answered after 1, 2, ... `count` milliseconds, each request sent `lateMs` after its time. */
export function madeReport(count: number, lateMs: number | null): ThreadReport {
  const recorder = new Recorder(new LivePage(createLivePage()), lateMs !== null)
  for (let ms = 1; ms <= count; ms += 1) recorder.answered(ms % 10 === 0 ? 503 : 200, ms * 1000, (lateMs ?? 0) * 1000)
  recorder.failed('reset')
  recorder.received(count * 100)
  return recorder.report(2000, { count: 0, maxUs: 0 })
}

/** Two threads with 1,000 answers each, in 2 s. */
export function madeResult(lateMs: number | null = null, url = 'http://a.example/<x>&"y"'): BenchResult {
  const rate = lateMs === null ? undefined : 1000
  const settings = checkOptions({ url, durationMs: 2000, connections: 4, threads: 2, rate })
  const course = [1000, 2000].map(atMs => {
    return { atMs, answered: 1000, failed: 1, latencyUsP50: 500_000, latencyUsP99: 990_000 }
  })
  const reports = [madeReport(1000, lateMs), madeReport(1000, lateMs)]
  return summarise(settings, reports, { startedAt: new Date(0), endedEarly: null, course })
}
