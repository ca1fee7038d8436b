import { CRC32_START, crc32Byte, crc32End, crc32Text } from './crc32.ts'

/** Points of a server for each unit of its weight. */
const POINTS = 160

/**
 * Points of a ring: 16 MiB, and about 150 ms to make them. With a sum of weights above 13,107 servers have fewer points
 * each, in the same proportion: the first ones of those that nginx gives them.
 */
const POINTS_MAX = 2 ** 21

/** Bits of a hash that one pass of sorting goes by. */
const DIGIT_BITS = 11
const DIGITS = 2 ** DIGIT_BITS

/** Points and who they belong to, in the order of the points. */
interface Points {
  readonly hashes: Uint32Array
  readonly owners: Int32Array
}

/**
 * The ring of `hash ... consistent` in nginx and of Cache::Memcached::Fast: each server has as many points on it as its
 * weight demands, and a key belongs to the server whose point comes next. A server that goes leaves its keys to those
 * whose points come next, and no others move. Eight bytes a point: 1,280 for a weight of 1, up to `POINTS_MAX` in all.
 */
export class KetamaRing {
  readonly #hashes: Uint32Array
  readonly #owners: Int32Array
  readonly #length: number

  /** `servers` are different from each other, as in nginx's configuration: `10.0.0.1:80`, `unix:/run/x.sock`. */
  constructor(servers: readonly string[], weights: readonly number[]) {
    const { hashes, owners } = sorted(pointsOf(servers, weights))
    this.#length = withoutRepetition(hashes, owners)
    this.#hashes = hashes
    this.#owners = owners
  }

  /** The first point that is not below a key's checksum, round the end. @hotpath */
  find(hash: number): number {
    const hashes = this.#hashes
    let low = 0
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((hashes[middle] as number) < hash) low = middle + 1
      else high = middle
    }
    return low === this.#length ? 0 : low
  }

  /** The point behind one. @hotpath */
  after(point: number): number {
    return point + 1 === this.#length ? 0 : point + 1
  }

  /** The index of the server that a point belongs to. @hotpath */
  ownerOf(point: number): number {
    return this.#owners[point] as number
  }
}

function pointsOf(servers: readonly string[], weights: readonly number[]): Points {
  const counts = countsOf(weights)
  const length = counts.reduce((sum, count) => sum + count, 0)
  const points = { hashes: new Uint32Array(length), owners: new Int32Array(length) }
  let at = 0
  for (const [owner, server] of servers.entries()) {
    const end = at + (counts[owner] as number)
    points.owners.fill(owner, at, end)
    addPoints(points.hashes, at, end, server)
    at = end
  }
  return points
}

/** How many points each server has: at least one. */
function countsOf(weights: readonly number[]): number[] {
  const wanted = weights.reduce((sum, weight) => sum + weight * POINTS, 0)
  if (wanted <= POINTS_MAX) return weights.map(weight => weight * POINTS)
  return weights.map(weight => Math.max(1, Math.round((weight * POINTS * POINTS_MAX) / wanted)))
}

/** Each point is the checksum of the host, a zero, the port and the point before it, lowest byte first. */
function addPoints(hashes: Uint32Array, start: number, end: number, server: string): void {
  const { host, port } = partsOf(server)
  const base = crc32Text(crc32Byte(crc32Text(CRC32_START, host), 0), port)
  let before = 0
  for (let at = start; at < end; at += 1) {
    let state = base
    for (let shift = 0; shift < 32; shift += 8) state = crc32Byte(state, before >>> shift)
    before = crc32End(state)
    hashes[at] = before
  }
}

function partsOf(server: string): { host: string; port: string } {
  if (/^unix:/i.test(server)) return { host: server.slice(5), port: '' }
  const [, host, port] = /^(.*):(\d*)$/s.exec(server) ?? []
  return host === undefined || port === undefined ? { host: server, port: '' } : { host, port }
}

/** By hash; those of one hash stay as they are. Digit by digit, which takes half the time of comparing them. */
function sorted(points: Points): Points {
  let from = points
  let to: Points = { hashes: new Uint32Array(points.hashes.length), owners: new Int32Array(points.owners.length) }
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    distribute(from, to, shift)
    const emptied = from
    from = to
    to = emptied
  }
  return from
}

function distribute(from: Points, to: Points, shift: number): void {
  const ends = new Int32Array(DIGITS + 1)
  for (let at = 0; at < from.hashes.length; at += 1) ends[digitOf(from.hashes[at] as number, shift) + 1]! += 1
  for (let digit = 0; digit < DIGITS; digit += 1) ends[digit + 1]! += ends[digit] as number
  for (let at = 0; at < from.hashes.length; at += 1) {
    const hash = from.hashes[at] as number
    const digit = digitOf(hash, shift)
    const target = ends[digit] as number
    ends[digit] = target + 1
    to.hashes[target] = hash
    to.owners[target] = from.owners[at] as number
  }
}

function digitOf(hash: number, shift: number): number {
  return (hash >>> shift) & (DIGITS - 1)
}

/** Keeps the first point of each hash. Gives how many are left. */
function withoutRepetition(hashes: Uint32Array, owners: Int32Array): number {
  let length = 0
  for (let at = 0; at < hashes.length; at += 1) {
    if (length > 0 && hashes[at] === hashes[length - 1]) continue
    hashes[length] = hashes[at] as number
    owners[length] = owners[at] as number
    length += 1
  }
  return length
}
