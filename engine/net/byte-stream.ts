/**
 * Bytes both ways, as a tunnel has them on either side: a connection, or a stream of HTTP/2 in its place. What the members mean
 * stands with `Connection`.
 */
import type { Slot } from './slots.ts'

export interface ByteStreamOwner {
  /** Bytes `start` to `end` of the slot memory have come: valid until the callback returns, or by the rules of slots. */
  onRead(stream: ByteStream, start: number, end: number): void
  onReadEnd(stream: ByteStream): void
  onDrain(stream: ByteStream): void
  onDeadline(stream: ByteStream): void
  onClose(stream: ByteStream, error: string): void
}

export interface ByteStream {
  owner: ByteStreamOwner
  /** Writes that still refer to their bytes; for a stream of HTTP/2, 1 while something waits for the peer's windows. */
  readonly pendingWrites: number
  readonly readEnded: boolean
  readonly writeEnded: boolean
  readonly closed: boolean
  readonly ownsSlot: boolean
  /** `write` copies what it cannot pass on at once: the bytes are the caller's again when it returns. */
  readonly copiesWrites: boolean
  readonly slot: Slot
  takeSlot(): void
  giveSlot(): void
  resume(): void
  pause(): void
  write(bytes: Uint8Array, start: number, end: number, slot: Slot | null): boolean
  shutdown(): void
  setDeadline(milliseconds: number): void
  clearDeadline(): void
  isConnected(): boolean
  hasProgressed(): boolean
  /** Closes with FIN, if that is not out yet; everything written has been taken. */
  finish(): void
  destroy(): void
  reset(): void
}
