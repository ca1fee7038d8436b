import type { Members } from '../members.ts'
import type { Dice } from './dice.ts'

/** Draws that may hit somebody who is not wanted, before a walk over all finds one who is. */
const TRIES = 8

/**
 * Draws available members at random by their weights, each draw in the same time however many there are: an alias table
 * (Walker's method, filled as Vose does). Its columns are equally likely, and each belongs to at most two members.
 */
export class WeightedDraw {
  readonly #members: Members
  readonly #dice: Dice
  /** Of `members`, as of which the table is. */
  #version = -1
  #columns = 0
  readonly #owner: Int32Array
  /** Who has the rest of the column, and from where on. */
  readonly #alias: Int32Array
  readonly #share: Float64Array
  readonly #small: Int32Array
  readonly #large: Int32Array

  constructor(members: Members, dice: Dice) {
    const { count } = members
    this.#members = members
    this.#dice = dice
    this.#owner = new Int32Array(count)
    this.#alias = new Int32Array(count)
    this.#share = new Float64Array(count)
    this.#small = new Int32Array(count)
    this.#large = new Int32Array(count)
  }

  /** The place of an available member that is neither excluded nor `other` (-1 for nobody); -1 where none is left. @hotpath */
  draw(excluded: Uint8Array | null, other: number): number {
    if (this.#version !== this.#members.version) this.#renew()
    const columns = this.#columns
    if (columns === 0) return -1
    for (let count = 0; count < TRIES; count += 1) {
      const point = this.#dice.roll() * columns
      const column = Math.floor(point)
      const isOwners = point - column < (this.#share[column] as number)
      const place = (isOwners ? this.#owner[column] : this.#alias[column]) as number
      if (place !== other && (excluded === null || excluded[place] === 0)) return place
    }
    return this.#walk(excluded, other)
  }

  /** Draws from those who are wanted alone. */
  #walk(excluded: Uint8Array | null, other: number): number {
    const { available, effective } = this.#members
    let sum = 0
    for (let place = 0; place < available.length; place += 1) {
      if (this.#isWanted(place, excluded, other)) sum += effective[place] as number
    }
    let left = this.#dice.roll() * sum
    let last = -1
    for (let place = 0; place < available.length; place += 1) {
      if (!this.#isWanted(place, excluded, other)) continue
      last = place
      left -= effective[place] as number
      if (left < 0) break
    }
    return last
  }

  #isWanted(place: number, excluded: Uint8Array | null, other: number): boolean {
    const isAvailable = this.#members.available[place] !== 0
    return isAvailable && place !== other && (excluded === null || excluded[place] === 0)
  }

  /** Columns of less than an average weight are filled up by members of more. */
  #renew(): void {
    const { count, available, effective, version } = this.#members
    const owner = this.#owner
    const share = this.#share
    this.#version = version
    let columns = 0
    let sum = 0
    for (let place = 0; place < count; place += 1) {
      if (available[place] === 0) continue
      owner[columns] = place
      sum += effective[place] as number
      columns += 1
    }
    let smalls = 0
    let larges = 0
    for (let column = 0; column < columns; column += 1) {
      const weight = ((effective[owner[column] as number] as number) * columns) / sum
      share[column] = weight
      this.#alias[column] = owner[column] as number
      if (weight < 1) this.#small[smalls++] = column
      else this.#large[larges++] = column
    }
    while (smalls > 0 && larges > 0) {
      const column = this.#small[--smalls] as number
      const giver = this.#large[larges - 1] as number
      this.#alias[column] = owner[giver] as number
      const left = (share[giver] as number) - (1 - (share[column] as number))
      share[giver] = left
      if (left >= 1) continue
      larges -= 1
      this.#small[smalls++] = giver
    }
    this.#columns = columns
  }
}
