/**
 * Buckets of a latency histogram in microseconds, log-linear: 32 equal buckets to each doubling, so that a value is
 * known to about 3 %. Values past the last bucket count in it.
 */
const SUB_BITS = 5
const SUB_BUCKETS = 1 << SUB_BITS

/** Doublings above the first 64 values: the last bucket begins near 2^36 µs (19 hours). */
const DOUBLINGS = 30

export const HISTOGRAM_BUCKETS: number = SUB_BUCKETS * (DOUBLINGS + 2)

/** The bucket of a value. @hotpath */
export function bucketOf(valueUs: number): number {
  if (valueUs < SUB_BUCKETS * 2) return valueUs < 0 ? 0 : Math.floor(valueUs)
  if (valueUs >= 0x7fffffff) return bucketOfLarge(valueUs)
  const value = valueUs | 0
  const shift = 31 - SUB_BITS - Math.clz32(value)
  return shift * SUB_BUCKETS + (value >>> shift)
}

function bucketOfLarge(valueUs: number): number {
  let shift = 0
  let value = valueUs
  while (value >= SUB_BUCKETS * 2) {
    value /= 2
    shift += 1
  }
  return Math.min(shift * SUB_BUCKETS + Math.floor(value), HISTOGRAM_BUCKETS - 1)
}

/** The highest value that counts in a bucket. */
export function bucketCeiling(bucket: number): number {
  if (bucket < SUB_BUCKETS * 2) return bucket
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS) + 1) * 2 ** shift - 1
}

/** The value that a share (0 to 1) of all counted ones does not exceed, to the bucket; 0 where none was counted. */
export function percentile(counts: ArrayLike<number>, share: number): number {
  let total = 0
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket += 1) total += counts[bucket] as number
  if (total === 0) return 0
  const wanted = Math.max(1, Math.ceil(total * share))
  let seen = 0
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket += 1) {
    seen += counts[bucket] as number
    if (seen >= wanted) return bucketCeiling(bucket)
  }
  return bucketCeiling(HISTOGRAM_BUCKETS - 1)
}
