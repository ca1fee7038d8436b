/** `Strict-Transport-Security` (RFC 6797) on all responses of a listener: in place of the origin's, unless the route has its own. */
import type { CompiledEdits } from '../http/field-edits.ts'
import { STRICT_TRANSPORT_SECURITY } from '../http/field-names.ts'
import type { ListenerSnapshot } from '../snapshot.ts'
import type { StaticAnswer } from './answer.ts'

const NAME = 'strict-transport-security'
const OWN = /^strict-transport-security:/im

export class StrictTransport {
  readonly #line: string
  /** Of routes without changes to responses. */
  readonly #plain: CompiledEdits
  /** Of the others: as many as there are routes at most. */
  readonly #known = new Map<CompiledEdits, CompiledEdits>()

  /** `null` for none: it has no meaning over plain text (RFC 6797, section 7.2). */
  static of({ tls, strictTransportSecurity: value }: ListenerSnapshot): StrictTransport | null {
    return tls === null || value === '' ? null : new StrictTransport(value)
  }

  private constructor(value: string) {
    this.#line = `Strict-Transport-Security: ${value}\r\n`
    const lines = Buffer.from(this.#line, 'latin1')
    this.#plain = { names: new Map(), knownMask: 0, drops: 1 << STRICT_TRANSPORT_SECURITY, lines }
  }

  /** The changes of a route to its responses, and ours. @hotpath */
  edits(edits: CompiledEdits | null): CompiledEdits {
    if (edits === null) return this.#plain
    const known = this.#known.get(edits)
    return known === undefined ? this.#with(edits) : known
  }

  #with(edits: CompiledEdits): CompiledEdits {
    const isRoutes = edits.names.has(NAME) || OWN.test(edits.lines.toString('latin1'))
    const { drops, lines } = this.#plain
    const both = isRoutes ? edits : { ...edits, drops: edits.drops | drops, lines: Buffer.concat([edits.lines, lines]) }
    this.#known.set(edits, both)
    return both
  }

  /** The lines of an answer of our own that are not in it, and ours. */
  lines(answer: StaticAnswer, lines: string): string {
    return answer.hasStrictTransport || (lines !== '' && OWN.test(lines)) ? lines : lines + this.#line
  }
}
