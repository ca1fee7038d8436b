import type { Members } from '../members.ts'
import { IPV4_BYTES, readAddress } from './address-bytes.ts'
import type { Balancer } from './balancer.ts'
import { RoundRobin } from './round-robin.ts'

/** nginx's figures: what a hash begins with, and of how many values it is. */
const START = 89
const FACTOR = 113
const VALUES = 6271

/** Hashes that are looked at. Past it: round robin. */
const TRIES_MAX = 21

/** Bytes of an IPv4 address that count: clients of one /24 network go to one member. */
const IPV4_BYTES_HASHED = 3

/**
 * The member that nginx's `ip_hash` chooses for the same client address, members and weights. Members that are not
 * available keep their share of the addresses; those are hashed on until a member is available. Who has no IP address
 * (behind a unix socket) counts as 0.0.0, as with nginx. Weights are the configured ones, also in slow start.
 */
export class IpHash implements Balancer {
  readonly #members: Members
  readonly #roundRobin: RoundRobin
  /** Who a hash belongs to. */
  readonly #owners: Int32Array
  readonly #bytes = new Uint8Array(16)

  constructor(members: Members) {
    this.#members = members
    this.#roundRobin = new RoundRobin(members)
    this.#owners = ownersOf(members)
  }

  /** @hotpath */
  pick(key: string, excluded: Uint8Array | null, nowMs: number): number {
    const { available, count } = this.#members
    if (count === 0) return -1
    const bytes = this.#bytes
    const length = hashedBytes(key, bytes)
    let hash = START
    for (let count = 0; count < TRIES_MAX; count += 1) {
      for (let at = 0; at < length; at += 1) hash = (hash * FACTOR + (bytes[at] as number)) % VALUES
      const place = this.#owners[hash] as number
      if (available[place] !== 0 && (excluded === null || excluded[place] === 0)) return place
    }
    return this.#roundRobin.pick(key, excluded, nowMs)
  }
}

function hashedBytes(key: string, bytes: Uint8Array): number {
  const length = readAddress(key, bytes)
  if (length > IPV4_BYTES) return length
  if (length === 0) bytes.fill(0, 0, IPV4_BYTES_HASHED)
  return IPV4_BYTES_HASHED
}

/** Who each hash belongs to: its rest by the sum of weights counts the members off, each as often as it weighs. */
function ownersOf({ weights }: Members): Int32Array {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const owners = new Int32Array(VALUES)
  let place = 0
  let end = weights[0] ?? 0
  for (let hash = 0; hash < VALUES; hash += 1) {
    if (hash >= sum) {
      owners[hash] = owners[hash % sum] as number
      continue
    }
    for (; hash >= end; end += weights[place] as number) place += 1
    owners[hash] = place
  }
  return owners
}
