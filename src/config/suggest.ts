/** Guesses what was probably meant, for the hints of error messages. */

/** The candidate nearest to `text`, or `null` when none is near enough to be worth naming. */
export function nearest(text: string, candidates: Iterable<string>): string | null {
  const wanted = normalise(text)
  let best: string | null = null
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const name = normalise(candidate)
    const distance = editDistance(wanted, name)
    if (distance > Math.max(1, Math.floor(Math.max(wanted.length, name.length) / 3))) continue
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

/** `shutdownGrace`, `shutdown-grace` and `shutdown_grace` are one name to whoever mixed them up. */
function normalise(name: string): string {
  return name
    .slice(0, 64)
    .toLowerCase()
    .replaceAll(/[-_. ]/g, '')
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, replaced)
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        distance = Math.min(distance, beforeLast[j - 2]! + 1)
      }
      row.push(distance)
    }
    beforeLast = last
    last = row
  }
  return last[to.length]!
}
