/**
 * The keys by which sessions are put into tickets, and taken out again (RFC 5077, section 4). The supervisor makes a secret from
 * time to time and gives all workers the last ones; what encrypts is derived from it, for each scope another key: a session that
 * began under other terms for clients' certificates is not taken up.
 */
import type { SecureContext, TicketKeyAnswer } from '../handles.ts'
import { tlsLibrary } from './load.ts'

const IV_BYTES = 16

/** Where there is no key: Node ends the process over an answer that is not whole. */
const NO_BYTES = Buffer.alloc(16)

const UNKNOWN = 0
const MADE = 1
/**
 * Fine, and the client gets another. Always: one of TLS 1.3 is to be used once (RFC 8446, appendix C.4), and those of keys that
 * will not be known for long are to be replaced.
 */
const TAKEN = 2

interface TicketKey {
  readonly name: Buffer
  readonly hmac: Buffer
  readonly aes: Buffer
}

export class TicketKeys {
  /** The latest first. */
  #secrets: readonly Uint8Array[] = []
  readonly #derived = new Map<string, readonly TicketKey[]>()

  /** Tickets are made by the first from now on; those of the others are still taken. */
  set(secrets: readonly Uint8Array[]): void {
    this.#secrets = secrets
    this.#derived.clear()
  }

  /** Has a context make its tickets by these keys. */
  serve(context: SecureContext, scope: string): void {
    context.enableTicketKeyCallback()
    context.onticketkeycallback = (name, _iv, encrypts) => this.#answer(scope, name, encrypts)
  }

  #answer(scope: string, name: Buffer, encrypts: boolean): TicketKeyAnswer {
    const keys = this.#keysOf(scope)
    const current = keys[0]
    if (current === undefined) return [UNKNOWN, NO_BYTES, NO_BYTES, NO_BYTES, NO_BYTES]
    if (encrypts) {
      return [MADE, current.hmac, current.aes, current.name, tlsLibrary().crypto.randomBytes(IV_BYTES)]
    }
    const known = keys.find(key => key.name.equals(name))
    if (known === undefined) return [UNKNOWN, current.hmac, current.aes]
    return [TAKEN, known.hmac, known.aes]
  }

  #keysOf(scope: string): readonly TicketKey[] {
    let keys = this.#derived.get(scope)
    if (keys === undefined) {
      keys = this.#secrets.map(secret => deriveKey(secret, scope))
      this.#derived.set(scope, keys)
    }
    return keys
  }
}

function deriveKey(secret: Uint8Array, scope: string): TicketKey {
  const bytes = tlsLibrary().crypto.createHmac('sha384', secret).update(scope).digest()
  return { name: bytes.subarray(0, 16), hmac: bytes.subarray(16, 32), aes: bytes.subarray(32, 48) }
}
