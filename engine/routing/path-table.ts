/**
 * The paths of all hosts of a listener, without the regular expressions: a tree by segments for each host, all of them in
 * one table of integers. A step down the tree is one look into the table, most often one line of the processor's cache: with
 * thousands of hosts, that is what a request waits for.
 *
 * A request walks down one branch, seldom more: where a segment is both a literal and fits a `{name}`, the branch that has
 * the better routes is walked first, and the other one only if it could still have a better one.
 */
import type { PathMatch } from '../snapshot.ts'
import { ByteTexts, HASH_PRIME, HASH_SEED } from './byte-texts.ts'
import { segmentsOf } from './path-pattern.ts'
import { NO_RANK, type RankLists } from './rank.ts'
import type { RoutedRequest } from './request.ts'

/** A path of a tree. */
export interface RankedPath {
  readonly path: Exclude<PathMatch, { kind: 'regex' }>
  readonly rank: number
}

/**
 * Columns. The row of the node above, and the hash and the text of the segment that leads from there to this one. A root has
 * the mask for the hashes of its tree in place of a hash: its rows lie right behind it.
 */
const PARENT = 0
const HASH = 1
/** Where the text lies, and 1; 0 in a row that is free. */
const TEXT = 2
/** Twice the length of the text, and 1 where literals lie below. */
const LENGTH = 3
/** Of all that is in the node and below it. */
const RANK_MIN = 4
/** The row of `{name}` below; -1 for none. */
const NAME = 5
/** List of what goes on with `/*`. */
const RESTS = 6
/** List of what ends here. */
const ENDS = 7
const COLUMNS = 8

/** Stands for a `{name}` segment, and for the root: no path of a request has this character. */
const NAMED = '\0'

const SLASH = 0x2f

export class PathTable {
  readonly #rows: Int32Array
  readonly #texts: ByteTexts
  readonly #lists: RankLists
  /** The row of the root of each tree. */
  readonly roots: readonly number[]
  /** Branches that are still to be walked, and where in the path they begin: never more than a tree is deep. */
  readonly #branches: Int32Array
  #branchCount = 0

  /** The paths of each tree, the lowest rank first. */
  constructor(trees: readonly (readonly RankedPath[])[], lists: RankLists) {
    const planned = trees.map(tree => tree.map(plan))
    const segments = planned.flat().flatMap(path => path.segments)
    const capacities = planned.map(tree => capacityFor(nodesOf(tree)))
    this.#rows = new Int32Array(capacities.reduce((sum, capacity) => sum + 1 + capacity, 0) * COLUMNS)
    this.#texts = new ByteTexts([NAMED, ...segments])
    this.#lists = lists
    const depths = planned.flat().map(path => path.segments.length)
    this.#branches = new Int32Array(2 * depths.reduce((deepest, depth) => Math.max(deepest, depth), 0))
    let row = 0
    this.roots = planned.map((tree, index) => {
      const root = row
      row += 1 + (capacities[index] as number)
      this.#plant(tree, root, (capacities[index] as number) - 1)
      return root
    })
  }

  #plant(tree: readonly Planned[], root: number, mask: number): void {
    this.#fill(root, [-1, mask], NAMED, tree[0]?.rank ?? NO_RANK)
    const rests = new Map<number, number[]>()
    const ends = new Map<number, number[]>()
    for (const { segments, hasRest, rank } of tree) {
      const row = segments.reduce((parent, segment) => this.#addChild(root, parent, segment, rank), root)
      const lists = hasRest ? rests : ends
      const list = lists.get(row)
      if (list === undefined) lists.set(row, [rank])
      else list.push(rank)
    }
    for (const [row, ranks] of rests) this.#rows[row * COLUMNS + RESTS] = this.#lists.add(ranks)
    for (const [row, ranks] of ends) this.#rows[row * COLUMNS + ENDS] = this.#lists.add(ranks)
  }

  #addChild(root: number, parent: number, segment: string, rank: number): number {
    const rows = this.#rows
    const hash = hashOf(segment)
    const bytes = Buffer.from(segment, 'latin1')
    const known = this.#find(root, parent, hash, bytes, 0, bytes.length)
    if (known >= 0) return known
    const mask = rows[root * COLUMNS + HASH] as number
    let slot = slotOf(parent, hash) & mask
    while (rows[(root + 1 + slot) * COLUMNS + TEXT] !== 0) slot = (slot + 1) & mask
    const row = root + 1 + slot
    this.#fill(row, [parent, hash], segment, rank)
    if (segment === NAMED) rows[parent * COLUMNS + NAME] = row
    else rows[parent * COLUMNS + LENGTH] = (rows[parent * COLUMNS + LENGTH] as number) | 1
    return row
  }

  #fill(row: number, [parent, hash]: readonly [number, number], text: string, rankMin: number): void {
    const base = row * COLUMNS
    this.#rows[base + PARENT] = parent
    this.#rows[base + HASH] = hash
    this.#rows[base + TEXT] = this.#texts.positionOf(text) + 1
    this.#rows[base + LENGTH] = 2 * text.length
    this.#rows[base + RANK_MIN] = rankMin
    this.#rows[base + NAME] = -1
  }

  /** The lowest rank of the tree that takes the request, if it is below `limit`; else `limit`. @hotpath */
  find(root: number, request: RoutedRequest, limit: number): number {
    const rows = this.#rows
    const lists = this.#lists
    const { pathBytes: bytes, pathEnd } = request
    let best = limit
    let row = root
    let at = request.pathStart + 1
    this.#branchCount = 0
    for (;;) {
      const base = row * COLUMNS
      let next = -1
      if ((rows[base + RANK_MIN] as number) < best) {
        const rests = rows[base + RESTS] as number
        if (rests !== 0) best = lists.first(rests, request, best)
        if (at > pathEnd) {
          const ends = rows[base + ENDS] as number
          if (ends !== 0) best = lists.first(ends, request, best)
        } else {
          const name = rows[base + NAME] as number
          const hasLiterals = ((rows[base + LENGTH] as number) & 1) === 1
          if (hasLiterals || name >= 0) {
            let hash = HASH_SEED
            let end = at
            for (; end < pathEnd && bytes[end] !== SLASH; end += 1) {
              hash = Math.imul(hash ^ (bytes[end] as number), HASH_PRIME)
            }
            const literal = hasLiterals ? this.#find(root, row, hash, bytes, at, end) : -1
            // An empty segment is nothing that could have a name.
            next = end === at || name < 0 ? literal : literal < 0 ? name : this.#branch(literal, name, end + 1)
            at = end + 1
          }
        }
      }
      if (next >= 0) {
        row = next
      } else if (this.#branchCount > 0) {
        this.#branchCount -= 2
        row = this.#branches[this.#branchCount] as number
        at = this.#branches[this.#branchCount + 1] as number
      } else {
        return best
      }
    }
  }

  /** Gives the branch that comes first, and keeps the other one. */
  #branch(literal: number, name: number, at: number): number {
    const rows = this.#rows
    const isNameFirst = (rows[name * COLUMNS + RANK_MIN] as number) < (rows[literal * COLUMNS + RANK_MIN] as number)
    this.#branches[this.#branchCount] = isNameFirst ? literal : name
    this.#branches[this.#branchCount + 1] = at
    this.#branchCount += 2
    return isNameFirst ? name : literal
  }

  /** The row that the segment leads to; -1 for none. @hotpath */
  #find(root: number, parent: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const rows = this.#rows
    const mask = rows[root * COLUMNS + HASH] as number
    for (let slot = slotOf(parent, hash) & mask; ; slot = (slot + 1) & mask) {
      const base = (root + 1 + slot) * COLUMNS
      const text = rows[base + TEXT] as number
      if (text === 0) return -1
      if (rows[base + PARENT] !== parent || rows[base + HASH] !== hash) continue
      if ((rows[base + LENGTH] as number) >> 1 !== end - start) continue
      if (this.#texts.equals(text - 1, bytes, start, end)) return root + 1 + slot
    }
  }
}

interface Planned {
  readonly segments: readonly string[]
  readonly hasRest: boolean
  readonly rank: number
}

function plan({ path, rank }: RankedPath): Planned {
  if (path.kind === 'exact') return { segments: path.path.slice(1).split('/'), hasRest: false, rank }
  const segments = segmentsOf(path).map(segment => (typeof segment === 'string' ? segment : NAMED))
  return { segments, hasRest: path.kind === 'prefix' || path.rest, rank }
}

/** Without the root. */
function nodesOf(tree: readonly Planned[]): number {
  const nodes = new Set<string>()
  for (const { segments } of tree) {
    let node = ''
    for (const segment of segments) {
      node += `/${segment}`
      nodes.add(node)
    }
  }
  return nodes.size
}

/** A power of two that leaves room: looks that find nothing end at a row that is free. */
function capacityFor(nodes: number): number {
  return 2 ** Math.ceil(Math.log2(1.25 * nodes + 1))
}

function hashOf(text: string): number {
  let hash = HASH_SEED
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), HASH_PRIME)
  return hash
}

function slotOf(parent: number, hash: number): number {
  const mixed = Math.imul(hash ^ Math.imul(parent, 0x9e3779b1), 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}
