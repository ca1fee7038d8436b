/** What a check over HTTP learns from a response, whatever version it comes in. */
import { ANSWER_BYTES_MAX, type CheckPlan, failure, type ProbeOutcome, success } from './check-probe.ts'

/** Bytes of a response head, or of a trailer section. Past it the check has failed. */
export const HEAD_BYTES_MAX = 32_768

/** Interim responses (1xx) before the final one. Past it the check has failed. */
const INTERIM_MAX = 16

export class CheckAnswer {
  readonly #plan: CheckPlan
  #interim = 0
  #content: Buffer[] = []
  #contentBytes = 0

  constructor(plan: CheckPlan) {
    this.#plan = plan
  }

  /** An interim response has come. Gives why that is one too many, or an empty text. */
  addInterim(): string {
    this.#interim += 1
    return this.#interim > INTERIM_MAX ? `more than ${INTERIM_MAX} interim responses` : ''
  }

  isExpected(status: number): boolean {
    return this.#plan.settings.statuses.some(([first, last]) => status >= first && status <= last)
  }

  /** Content has come. True when that is enough to judge by. */
  add(bytes: Buffer): boolean {
    this.#contentBytes += bytes.length
    if (this.#plan.content !== null) this.#content.push(bytes)
    return this.#contentBytes >= ANSWER_BYTES_MAX
  }

  judge(status: number): ProbeOutcome {
    if (!this.isExpected(status)) return failure(`status ${status}`)
    return this.#matches() ? success(`status ${status}`) : failure('content does not match')
  }

  /**
   * The expression is the configuration's own, and it is tried on 64 KiB at most; one that backtracks without end on so
   * much would hold up the thread of the checks all the same.
   */
  #matches(): boolean {
    const { content } = this.#plan
    return content === null || content.test(Buffer.concat(this.#content).toString('utf8', 0, ANSWER_BYTES_MAX))
  }
}

export const USER_AGENT = 'sluice-check'

/** Field lines of the request: those of the configuration take the place of `own`. */
export function fieldsOf({ settings }: CheckPlan, own: readonly (readonly [string, string])[]): [string, string][] {
  const named = new Set(settings.fields.map(([name]) => name.toLowerCase()))
  const all: [string, string][] = [...own.map(([name, value]): [string, string] => [name, value])]
  // Methods with content announce that there is none.
  if (/^(?:POST|PUT|PATCH)$/.test(settings.method)) all.push(['Content-Length', '0'])
  const lines = settings.fields.map(([name, value]): [string, string] => [name, value])
  return [...all.filter(([name]) => !named.has(name.toLowerCase())), ...lines]
}
