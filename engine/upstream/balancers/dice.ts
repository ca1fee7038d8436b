/** Any 32 bits. */
function anySeed(): number {
  return Math.floor(Math.random() * 2 ** 32) | 0
}

/**
 * Random numbers for choosing endpoints, by the generator sfc32: quick, nothing allocated (`Math.random` gives an object
 * for every number), and the same row of numbers for the same seed. Not for secrets.
 */
export class Dice {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number = anySeed()) {
    this.#a = 0
    this.#b = seed | 0
    this.#c = 0
    // As its author does: from then on one seed's numbers look like no other's.
    for (let count = 0; count < 12; count += 1) this.roll()
  }

  /** From 0 to below 1, in steps of 2^-32. @hotpath */
  roll(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    const c = this.#c
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (c + (c << 3)) | 0
    this.#c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
}
