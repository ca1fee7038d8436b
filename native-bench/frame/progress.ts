/** What a person sees while it runs: what is measured now, what came of it, how much is left. */

export class Progress {
  readonly #write: (line: string) => void
  readonly #scenarioCount: number
  readonly #startedAt = performance.now()
  #scenariosBegun = 0
  #scenarioStartedAt = 0
  #plannedSeconds = 0
  #doneSeconds = 0

  constructor(scenarioCount: number, write: (line: string) => void) {
    this.#scenarioCount = scenarioCount
    this.#write = write
  }

  scenario(name: string, title: string): void {
    this.#scenariosBegun += 1
    this.#scenarioStartedAt = performance.now()
    this.#plannedSeconds = 0
    this.#doneSeconds = 0
    this.#write(`\n${name} (${this.#scenariosBegun} of ${this.#scenarioCount}): ${title}`)
  }

  /** What the measurements of this scenario take, about. */
  plan(seconds: number): void {
    this.#plannedSeconds += seconds
  }

  /** Some of that which is over, or will not be done. */
  done(seconds: number): void {
    this.#doneSeconds += seconds
  }

  /** A line about a measurement, with the time that is left behind it. */
  step(text: string): void {
    this.#write(`  ${text.padEnd(84)} ${describeDuration(this.#secondsLeft())} left`)
  }

  note(text: string): void {
    this.#write(`  note: ${text}`)
  }

  /** Of this scenario by what is planned, of those behind it by what those before took. */
  #secondsLeft(): number {
    const now = performance.now()
    const left = Math.max(0, this.#plannedSeconds - this.#doneSeconds)
    const elapsed = (now - this.#scenarioStartedAt) / 1000
    // What is planned knows nothing of starts and pauses: corrected by what has been so far.
    const here = this.#doneSeconds > 0 ? (left * elapsed) / this.#doneSeconds : left
    const each = ((now - this.#startedAt) / 1000 + here) / this.#scenariosBegun
    return here + each * (this.#scenarioCount - this.#scenariosBegun)
  }
}

export function describeDuration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
