/** Numbers as reports write them. */

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en')
}

/** A number that somebody asked for: as it was asked for. */
export function formatAsked(amount: number): string {
  return amount.toLocaleString('en', { maximumFractionDigits: 3 })
}

export function formatRate(perSecond: number): string {
  const digits = perSecond < 1000 ? 2 : 0
  return perSecond.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** Milliseconds with the microseconds behind the point, without the unit. */
export function formatMs(latencyUs: number): string {
  return (latencyUs / 1000).toLocaleString('en', { minimumFractionDigits: 3, maximumFractionDigits: 3 })
}

/** With the unit that suits it, e.g. `850 µs`, `1.24 ms`, `1.03 s`. */
export function formatLatency(latencyUs: number): string {
  if (latencyUs < 1000) return `${Math.round(latencyUs)} µs`
  if (latencyUs < 1_000_000) return `${toDigits(latencyUs / 1000)} ms`
  return `${toDigits(latencyUs / 1_000_000)} s`
}

/** E.g. `250 ms`, `10 s`, `1.5 s`. */
export function formatTime(milliseconds: number): string {
  return milliseconds < 1000 ? `${toDigits(milliseconds)} ms` : `${toDigits(milliseconds / 1000)} s`
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let amount = bytes
  let unit = 0
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit += 1
  }
  return `${unit === 0 ? Math.round(amount) : toDigits(amount)} ${units[unit]}`
}

export function formatRatio(ratio: number): string {
  return ratio.toLocaleString('en', { minimumFractionDigits: 3, maximumFractionDigits: 3 })
}

/** `1 thread`, `2 threads`. */
export function formatNumberOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** Three digits that count, or all of those before the point. */
function toDigits(value: number): string {
  return value >= 100 ? formatCount(value) : value.toLocaleString('en', { maximumSignificantDigits: 3 })
}
