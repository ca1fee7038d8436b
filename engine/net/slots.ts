/**
 * Buffer slots: equal pieces of one memory into which the kernel reads. The memory is the parser's, so what is read
 * is parsed where it lies.
 *
 * Every socket reads into the one landing slot as long as each read is dealt with before the callback returns
 * (written on, or copied). A socket in the middle of a long message reads into a slot of its own, so that its bytes can
 * be written on by reference: such a slot is lent until the kernel has taken them, and the socket does not read meanwhile.
 * When no slot is free, the landing slot serves still, at the price of a copy.
 */

/** Bytes one read into the landing slot can bring. */
export const SLOT_BYTES = 64 * 1024

/** Room before the bytes of a slot, for the size line of a chunk written around them in place (16 hex digits, CRLF). */
export const SLOT_HEADROOM = 32

/** Room after the bytes of a slot, for the end of a chunk and the last chunk. */
export const SLOT_TAILROOM = 32

/** What a slot of so many bytes takes from the memory. */
function strideOf(bytes: number): number {
  return SLOT_HEADROOM + bytes + SLOT_TAILROOM
}

export class Slot {
  /** Where the slot's bytes begin in the memory. */
  readonly start: number
  /** The view the kernel reads into. */
  readonly view: Buffer
  /** Writes that still refer to bytes of the slot. */
  lent = 0
  /** Given back by its holder, while writes still refer to it. */
  returned = false

  constructor(memory: Buffer, start: number, bytes: number) {
    this.start = start
    this.view = memory.subarray(start, start + bytes)
  }
}

export class SlotPool {
  /** The whole memory; positions handed out are positions in it. */
  readonly memory: Buffer
  readonly landing: Slot
  readonly #landings = new Map<number, Slot>()
  readonly #free: Slot[] = []
  readonly #base: number
  readonly #count: number
  readonly #ownBytes: number
  #made = 0

  /**
   * `base` is where `bytesNeeded(count, ownBytes)` bytes of the memory are the pool's own. `ownBytes` is what a read into
   * a slot of a connection's own can bring.
   */
  constructor(memory: Buffer, base: number, count: number, ownBytes: number = SLOT_BYTES) {
    this.memory = memory
    this.landing = new Slot(memory, base + SLOT_HEADROOM, SLOT_BYTES)
    this.#base = base + strideOf(SLOT_BYTES)
    this.#count = count
    this.#ownBytes = ownBytes
  }

  static bytesNeeded(count: number, ownBytes: number = SLOT_BYTES): number {
    return strideOf(SLOT_BYTES) + count * strideOf(ownBytes)
  }

  /** The beginning of the landing slot, for those who are to read no more than so many bytes at once. */
  landingOf(bytes: number): Slot {
    if (bytes >= SLOT_BYTES) return this.landing
    let slot = this.#landings.get(bytes)
    if (slot === undefined) {
      slot = new Slot(this.memory, this.landing.start, bytes)
      this.#landings.set(bytes, slot)
    }
    return slot
  }

  /** A slot of the caller's own, or `null` when all are taken: then the landing slot has to do. */
  take(): Slot | null {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#made >= this.#count) return null
    const start = this.#base + this.#made * strideOf(this.#ownBytes) + SLOT_HEADROOM
    this.#made += 1
    return new Slot(this.memory, start, this.#ownBytes)
  }

  /** The holder needs the slot no more; it is free as soon as no write refers to it. */
  give(slot: Slot): void {
    if (slot.lent === 0) this.#free.push(slot)
    else slot.returned = true
  }

  /** A write that referred to the slot has ended. */
  settle(slot: Slot): void {
    slot.lent -= 1
    if (slot.lent !== 0 || !slot.returned) return
    slot.returned = false
    this.#free.push(slot)
  }

  /** Slots that somebody holds, or that a write still refers to. */
  get taken(): number {
    return this.#made - this.#free.length
  }
}
