/** Latencies counted, and read. */
import { bucketOf, HISTOGRAM_BUCKETS, percentile } from '../../../engine/shared/histogram.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const counts = new Uint32Array(new SharedArrayBuffer(HISTOGRAM_BUCKETS * 4))

/** Microseconds with their fractions, as clocks give them: most below a millisecond, a few of seconds. */
const values = Array.from(
  { length: 1021 },
  (_, index) => 80 + ((index * 7919) % 900) * (index % 50 === 0 ? 4000.7 : 1.3),
)
const next = cycle(values)

bench('value counted', () => {
  const bucket = bucketOf(next())
  counts[bucket] = (counts[bucket] as number) + 1
  return bucket
})

const nextShare = cycle([0.5, 0.9, 0.99, 0.999])
bench('percentile read', () => percentile(counts, nextShare()))

await runIfMain(import.meta)
