import type { PlacedCertificate } from './fill-in.ts'

/** Warns of certificates that end soon: once at each of some distances from the end, and when it is there. */

export const DAY_MS = 24 * 60 * 60 * 1000

/** Days before the end. */
const DISTANCES: readonly number[] = [1, 3, 7, 14, 30]

/** Of a certificate's life: one that lives for a week is renewed within it, and nobody wants to hear of each. */
const SHARE_OF_LIFE = 1 / 3

export interface ExpiryWarning {
  readonly certificate: PlacedCertificate
  readonly isOver: boolean
  /** Whole days until the end, rounded down; 0 where it is over. */
  readonly daysLeft: number
}

/** Whole days, rounded down; below 0 behind the end. */
export function daysUntil(endMs: number, nowMs: number): number {
  return Math.floor((endMs - nowMs) / DAY_MS)
}

export class ExpiryWarnings {
  /** The nearest distance that was told, by certificate and place. */
  readonly #told = new Map<string, number>()

  /** What is to be told now, and was not before. */
  due(certificates: readonly PlacedCertificate[], nowMs: number): ExpiryWarning[] {
    const current = new Set(certificates.map(keyOf))
    for (const key of this.#told.keys()) if (!current.has(key)) this.#told.delete(key)
    return certificates.flatMap(certificate => {
      const distance = distanceOf(certificate, nowMs)
      const key = keyOf(certificate)
      if (distance >= (this.#told.get(key) ?? Number.POSITIVE_INFINITY)) return []
      this.#told.set(key, distance)
      const daysLeft = Math.max(0, daysUntil(certificate.facts.notAfterMs, nowMs))
      return [{ certificate, isOver: distance === 0, daysLeft }]
    })
  }
}

/** The smallest of the distances that it has come within; 0 behind its end, infinite far from it. */
function distanceOf({ facts, renewBeforeMs }: PlacedCertificate, nowMs: number): number {
  const { notBeforeMs, notAfterMs } = facts
  const leftMs = notAfterMs - nowMs
  if (leftMs <= 0) return 0
  // One that is issued here is on its way to be renewed from then on: worth a word when that does not come to anything.
  const within = renewBeforeMs === 0 ? (notAfterMs - notBeforeMs) * SHARE_OF_LIFE : renewBeforeMs / 2
  return DISTANCES.find(days => leftMs <= days * DAY_MS && days * DAY_MS <= within) ?? Number.POSITIVE_INFINITY
}

function keyOf({ place, facts }: PlacedCertificate): string {
  return `${place.side} ${place.name} ${facts.fingerprint}`
}
