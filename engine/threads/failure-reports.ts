/** Milliseconds between two reports of a listener: whoever scans it must not fill a log. */
const REPORT_MS = 10_000

export interface FailureReport {
  /** Connections that have failed since the last report. */
  readonly count: number
  /** Of the last one. */
  readonly client: string
  readonly error: string
  readonly detail: string
}

/** Connections of one listener that come to nothing, by one kind of failure: the first is told at once, others together, from time to time. */
export class FailureReports {
  readonly #tell: (report: FailureReport) => void
  #last: FailureReport | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(tell: (report: FailureReport) => void) {
    this.#tell = tell
  }

  failed(client: string, error: string, detail: string): void {
    const count = 1 + (this.#last?.count ?? 0)
    this.#last = { count, client, error, detail }
    if (this.#timer === null) this.#report()
  }

  #report(): void {
    this.#timer = null
    const report = this.#last
    if (report === null) return
    this.#last = null
    this.#tell(report)
    this.#timer = setTimeout(() => this.#report(), REPORT_MS)
    this.#timer.unref()
  }
}
