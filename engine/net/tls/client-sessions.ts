/** Sessions to be had kept per endpoint; past it the oldest is forgotten. */
const SESSIONS_MAX = 8

/** Milliseconds after which a session is not offered any more, whatever its server said of it. */
const SESSION_MS_MAX = 7_200_000

interface Session {
  readonly bytes: Buffer
  readonly atMs: number
  /** TLS 1.3: a ticket that is shown twice tells whoever listens that both connections are ours (RFC 8446, appendix C.4). */
  readonly once: boolean
}

/** What servers have given us to take up where we were, for one endpoint and name. The latest is used first. */
export class ClientSessions {
  readonly #sessions: Session[] = []

  add(bytes: Buffer, once: boolean): void {
    if (!once) this.#sessions.length = 0
    this.#sessions.push({ bytes, atMs: performance.now(), once })
    if (this.#sessions.length > SESSIONS_MAX) this.#sessions.shift()
  }

  take(): Buffer | null {
    const session = this.#sessions.at(-1)
    if (session === undefined) return null
    if (performance.now() - session.atMs > SESSION_MS_MAX) {
      this.#sessions.length = 0
      return null
    }
    if (session.once) this.#sessions.pop()
    return session.bytes
  }

  get size(): number {
    return this.#sessions.length
  }
}

/** What one connection is given. It may come before its peer has been checked, and is kept only if that went well. */
export class NewSessions {
  readonly #sessions: ClientSessions
  /** Until the peer has proved who it is; then `null`. */
  #early: { readonly bytes: Buffer; readonly once: boolean }[] | null = []

  constructor(sessions: ClientSessions) {
    this.#sessions = sessions
  }

  add(bytes: Buffer, once: boolean): void {
    if (this.#early === null) this.#sessions.add(bytes, once)
    else if (this.#early.length < SESSIONS_MAX) this.#early.push({ bytes, once })
  }

  /** The peer is the one that is meant. */
  keep(): void {
    for (const { bytes, once } of this.#early ?? []) this.#sessions.add(bytes, once)
    this.#early = null
  }
}
