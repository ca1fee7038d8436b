import type { MemberLoads } from '../member-loads.ts'
import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'
import { hashOf } from './key-hash.ts'
import { LoadBound } from './load-bound.ts'
import { maglevTable } from './maglev-table.ts'
import { RoundRobin } from './round-robin.ts'

/** Slots that are looked at. Past it the members are, one after the other. */
const TRIES_MAX = 64

const KEY_SEED = 0

/** Makes of a hash another number: the golden ratio's bits. */
const STEP_FACTOR = 0x9e3779b1

/**
 * Maglev hashing with bounded loads: the member that a key's slot belongs to. Where it is not available or has no room,
 * the key goes on in steps of its own to the next that is and has, so that one hot key cannot bring its member down, and
 * the keys of one member are taken over by all others alike. The table has all members, always: a key whose member was
 * not available comes back to it. A request without a key goes to the next member in turn. Weights are
 * the configured ones, also in slow start.
 */
export class Maglev implements Balancer {
  readonly #members: Members
  readonly #bound: LoadBound
  readonly #roundRobin: RoundRobin
  readonly #table: Int32Array

  constructor(members: Members, loads: MemberLoads) {
    this.#members = members
    this.#bound = new LoadBound(members, loads)
    this.#roundRobin = new RoundRobin(members)
    this.#table = maglevTable(distinct(members.names), members.weights)
  }

  /** @hotpath */
  pick(key: string, excluded: Uint8Array | null, nowMs: number): number {
    if (this.#members.availableCount === 0) return -1
    if (key === '') return this.#roundRobin.pick(key, excluded, nowMs)
    this.#bound.read()
    const place = this.#find(hashOf(key, KEY_SEED), excluded)
    if (place >= 0) this.#bound.add(place)
    return place
  }

  #find(hash: number, excluded: Uint8Array | null): number {
    const table = this.#table
    const size = table.length
    const step = ((Math.imul(hash, STEP_FACTOR) >>> 0) % (size - 1)) + 1
    let slot = (hash >>> 0) % size
    let refused = -1
    for (let count = 0; count < TRIES_MAX; count += 1) {
      const place = table[slot] as number
      slot += step
      if (slot >= size) slot -= size
      if (place === refused || !this.#isLeft(place, excluded)) continue
      if (this.#bound.admits(place)) return place
      refused = place
    }
    return this.#findAmongAll(hash, excluded)
  }

  /** The first that has room, from a member on that depends on the key. Where none has, the first that is left. */
  #findAmongAll(hash: number, excluded: Uint8Array | null): number {
    const { count } = this.#members
    let place = (hash >>> 0) % count
    let first = -1
    for (let looked = 0; looked < count; looked += 1) {
      if (this.#isLeft(place, excluded)) {
        if (this.#bound.admits(place)) return place
        if (first < 0) first = place
      }
      place = place + 1 === count ? 0 : place + 1
    }
    return first
  }

  #isLeft(place: number, excluded: Uint8Array | null): boolean {
    return this.#members.available[place] !== 0 && (excluded === null || excluded[place] === 0)
  }
}

/** Equal names (two servers that have an address in common) are told apart by their order. */
function distinct(names: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return names.map(name => {
    const before = seen.get(name) ?? 0
    seen.set(name, before + 1)
    return `${name} ${before}`
  })
}
