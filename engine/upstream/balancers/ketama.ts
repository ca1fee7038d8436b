import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'
import { CRC32_START, crc32End, crc32Text } from './crc32.ts'
import { KetamaRing } from './ketama-ring.ts'
import { RoundRobin } from './round-robin.ts'

/** Points that are looked at. Past it: round robin. */
const TRIES_MAX = 21

/**
 * The member that nginx's `hash ... consistent` chooses for the same key, servers and weights. All members are on the
 * ring, always: a key whose member is not available goes to the next point of the ring, and comes back. The addresses
 * of one name have their points in common, and take turns by weight. A request without a key goes to the next member in
 * turn. Weights are the configured ones, also in slow start.
 */
export class Ketama implements Balancer {
  readonly #members: Members
  readonly #roundRobin: RoundRobin
  readonly #ring: KetamaRing
  /** The places of a server's members, from its start to the next one's. */
  readonly #places: Int32Array
  readonly #start: Int32Array
  /** Current weights of smooth weighted round robin between the members of one server. */
  readonly #current: Float64Array

  constructor(members: Members) {
    const groups = groupsOf(members.servers)
    const all = [...groups.values()]
    this.#members = members
    this.#roundRobin = new RoundRobin(members)
    this.#ring = new KetamaRing(
      [...groups.keys()],
      all.map(places => Math.max(...places.map(place => members.weights[place] as number))),
    )
    this.#places = Int32Array.from(all.flat())
    this.#start = new Int32Array(all.length + 1)
    for (const [index, places] of all.entries()) this.#start[index + 1] = (this.#start[index] as number) + places.length
    this.#current = new Float64Array(members.count)
  }

  /** @hotpath */
  pick(key: string, excluded: Uint8Array | null, nowMs: number): number {
    if (this.#members.availableCount === 0) return -1
    if (key === '') return this.#roundRobin.pick(key, excluded, nowMs)
    const ring = this.#ring
    let point = ring.find(crc32End(crc32Text(CRC32_START, key)))
    for (let count = 0; count < TRIES_MAX; count += 1) {
      const place = this.#pickOf(ring.ownerOf(point), excluded)
      if (place >= 0) return place
      point = ring.after(point)
    }
    return this.#roundRobin.pick(key, excluded, nowMs)
  }

  /** The next member of a server, or -1 where none of them is left. */
  #pickOf(server: number, excluded: Uint8Array | null): number {
    const start = this.#start[server] as number
    const end = this.#start[server + 1] as number
    if (end === start + 1) {
      const place = this.#places[start] as number
      return this.#isLeft(place, excluded) ? place : -1
    }
    const { weights } = this.#members
    const current = this.#current
    let best = -1
    let sum = 0
    for (let at = start; at < end; at += 1) {
      const place = this.#places[at] as number
      if (!this.#isLeft(place, excluded)) continue
      const weight = weights[place] as number
      const raised = (current[place] as number) + weight
      current[place] = raised
      sum += weight
      if (best < 0 || raised > (current[best] as number)) best = place
    }
    if (best >= 0) current[best] = (current[best] as number) - sum
    return best
  }

  #isLeft(place: number, excluded: Uint8Array | null): boolean {
    return this.#members.available[place] !== 0 && (excluded === null || excluded[place] === 0)
  }
}

/** Places by server, in the order of their first ones. */
function groupsOf(servers: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const [place, server] of servers.entries()) {
    const places = groups.get(server)
    if (places === undefined) groups.set(server, [place])
    else places.push(place)
  }
  return groups
}
