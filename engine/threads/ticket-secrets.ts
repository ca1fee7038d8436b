/**
 * The secrets of which workers make tickets for TLS sessions, made anew from time to time. The one before is kept, so that a
 * ticket can be used for as long as it says; then what was encrypted with it cannot be read any more, whoever has recorded it.
 */
import { SESSION_SECONDS } from '../net/tls/session-time.ts'
import type { Snapshot } from '../snapshot.ts'
import { streamListeners } from './all-listeners.ts'

const SECRET_BYTES = 48

/** The latest, and the one before. */
const KEPT = 2

export class TicketSecrets {
  readonly #rotationMs: number
  readonly #onRotated: (secrets: readonly Uint8Array[]) => void
  #secrets: readonly Uint8Array[] = []
  #timer: NodeJS.Timeout | null = null

  /** `onRotated` is told of each change but the first. */
  constructor(onRotated: (secrets: readonly Uint8Array[]) => void, rotationMs: number = SESSION_SECONDS * 1000) {
    this.#onRotated = onRotated
    this.#rotationMs = rotationMs
  }

  /** Those in force, the latest first; none as long as no configuration has asked for any. */
  get all(): readonly Uint8Array[] {
    return this.#secrets
  }

  /** Begins to make them when a configuration needs them. */
  async prepare(snapshot: Snapshot): Promise<void> {
    const listeners = streamListeners(snapshot)
    if (this.#secrets.length > 0 || !listeners.some(({ tls }) => tls?.tickets === true)) return
    const { randomBytes } = await import('node:crypto')
    const make = () => new Uint8Array(randomBytes(SECRET_BYTES))
    this.#secrets = [make()]
    this.#timer = setInterval(() => {
      this.#secrets = [make(), ...this.#secrets].slice(0, KEPT)
      this.#onRotated(this.#secrets)
    }, this.#rotationMs)
    this.#timer.unref()
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }
}
