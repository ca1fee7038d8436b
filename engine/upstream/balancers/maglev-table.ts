import { hashOf } from './key-hash.ts'

/** Slots for each member, at least: then shares are right within a hundredth. */
const SLOTS_PER_MEMBER = 100

/** Sizes are primes, so that every step from slot to slot comes by all of them. The last is for as many as there are. */
const SIZES = [65_537, 131_071, 262_139, 524_287, 1_048_573]

/** Two hashes of a member's name: where it begins, and how far it steps. */
const SEED_OFFSET = 0x5eed
const SEED_STEP = 0xf00d

/**
 * The table of Maglev (Eisenbud and others, NSDI 2016): who a slot belongs to. Each member goes through the slots in
 * an order of its own and takes the next free one when it is its turn, which a heavy one's is more often. Another
 * member more or less moves few slots but its own.
 */
export function maglevTable(names: readonly string[], weights: ArrayLike<number>): Int32Array {
  const count = names.length
  const size = sizeFor(count)
  const table = new Int32Array(size).fill(-1)
  const next = Int32Array.from(names, name => (hashOf(name, SEED_OFFSET) >>> 0) % size)
  const steps = Int32Array.from(names, name => ((hashOf(name, SEED_STEP) >>> 0) % (size - 1)) + 1)
  let sum = 0
  for (let place = 0; place < count; place += 1) sum += weights[place] as number
  // Turns in a round, one on average, and what is due of them: the first round has one for everybody.
  const turns = Float64Array.from(names, (_, place) => ((weights[place] as number) * count) / sum)
  const due = turns.map(turn => Math.max(0, 1 - turn))
  for (let filled = 0; filled < size && count > 0; ) {
    for (let place = 0; place < count; place += 1) {
      let left = (due[place] as number) + (turns[place] as number)
      for (; left >= 1 && filled < size; left -= 1) {
        next[place] = take(table, place, next[place] as number, steps[place] as number)
        filled += 1
      }
      due[place] = left
    }
  }
  return table
}

/** Gives the slot at which the member looks next. */
function take(table: Int32Array, place: number, from: number, step: number): number {
  const size = table.length
  let slot = from
  while (table[slot] !== -1) {
    slot += step
    if (slot >= size) slot -= size
  }
  table[slot] = place
  return slot
}

function sizeFor(count: number): number {
  const wanted = count * SLOTS_PER_MEMBER
  return SIZES.find(size => size >= wanted) ?? (SIZES.at(-1) as number)
}
