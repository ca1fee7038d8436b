/** One scenario from its first process to its last: start, verify, warm up, alternate. */
import { type Contestant, directTo, ProxyContestant } from './contestant.ts'
import { messageOf } from './failure.ts'
import { quantityText } from './numbers.ts'
import type { Peer } from './peer.ts'
import type { Progress } from './progress.ts'
import type { Measure, Row, Sample, ScenarioResult } from './results.ts'
import type { Phase, Plan, Scenario } from './scenario.ts'
import { Stage, type StageSettings } from './stage.ts'
import { orderOfRound } from './statistics.ts'

/** Of a line of progress. */
const FIGURES_SHOWN = 4
const FIGURE_WIDTH = 12

/** A contestant's row while it grows. */
class Entry {
  readonly contestant: Contestant
  readonly samples: Sample[] = []
  readonly notes = new Set<string>()
  failed: string | null = null

  constructor(contestant: Contestant) {
    this.contestant = contestant
  }

  get row(): Row {
    const { contestant, failed, notes, samples } = this
    const { label, peer, kind, variant } = contestant
    return { contestant: label, peer, kind, variant, failed, notes: [...notes], samples }
  }
}

/** Peers are those that are there; what one of them does wrong ends in its row. Throws where the scenario cannot run. */
export async function runScenario(
  scenario: Scenario,
  peers: readonly Peer[],
  settings: StageSettings,
  progress: Progress,
): Promise<ScenarioResult> {
  using stage = new Stage(settings)
  progress.scenario(scenario.name, scenario.title)
  const plan = await scenario.prepare(stage)
  const proxies = contestantsOf(scenario, peers, stage, plan.originPort).map(contestant => new Entry(contestant))
  const { note } = settings.cores
  const run = new ScenarioRun(scenario.measures, note === null ? [] : [note], plan, proxies, progress)
  await run.ready(scenario.proxies === 'running')
  await run.phases()
  const { name, title, summary, unit, measures } = scenario
  return { name, title, summary, unit, measures, notes: run.notes, rows: run.rows }
}

function contestantsOf(scenario: Scenario, peers: readonly Peer[], stage: Stage, originPort: number): Contestant[] {
  const taking = peers.filter(({ name }) => scenario.peers?.includes(name) ?? true)
  return taking.flatMap(peer =>
    scenario.variants
      .filter(({ needs }) => needs.every(capability => peer.capabilities.has(capability)))
      .map(variant => new ProxyContestant(peer, variant, stage, originPort, scenario.connections)),
  )
}

class ScenarioRun {
  readonly notes: string[]
  readonly #measures: readonly Measure[]
  readonly #plan: Plan
  readonly #proxies: readonly Entry[]
  readonly #direct: Entry
  readonly #progress: Progress

  constructor(
    measures: readonly Measure[],
    notes: readonly string[],
    plan: Plan,
    proxies: readonly Entry[],
    progress: Progress,
  ) {
    this.#measures = measures
    this.#plan = plan
    this.#proxies = proxies
    this.#direct = new Entry(directTo(plan.originPort))
    this.#progress = progress
    this.notes = [...notes, ...plan.notes]
    for (const note of this.notes) progress.note(note)
    for (const phase of plan.phases) {
      progress.plan(this.#entriesOf(phase).length * (phase.warmUpSeconds + phase.rounds * phase.secondsEach))
    }
  }

  get rows(): Row[] {
    const all = this.#direct.samples.length > 0 || this.#direct.failed !== null ? [this.#direct] : []
    return [...this.#proxies, ...all].map(entry => entry.row)
  }

  /** Starts every proxy and looks at an answer of each; those that a phase starts only for the look. */
  async ready(staysRunning: boolean): Promise<void> {
    for (const entry of this.#proxies) {
      await this.#attempt(entry, 'before the first round', async () => {
        await entry.contestant.start()
        await this.#plan.verify(entry.contestant)
      })
      if (!staysRunning || entry.failed !== null) entry.contestant.stop()
    }
  }

  async phases(): Promise<void> {
    for (const phase of this.#plan.phases) {
      if (!(await this.#begin(phase))) continue
      await this.#warmUp(phase)
      for (let round = 0; round < phase.rounds; round += 1) await this.#round(phase, round)
    }
  }

  async #begin(phase: Phase): Promise<boolean> {
    try {
      this.#note((await phase.begin?.(this.rows)) ?? [])
      return true
    } catch (error) {
      this.#note([`${phase.name} was left out: ${messageOf(error)}`])
      return false
    }
  }

  async #warmUp(phase: Phase): Promise<void> {
    for (const entry of this.#entriesOf(phase)) {
      await this.#attempt(entry, `${phase.name}, warm-up`, async () => phase.warmUp?.(entry.contestant))
      this.#progress.done(phase.warmUpSeconds)
    }
  }

  async #round(phase: Phase, round: number): Promise<void> {
    for (const entry of orderOfRound(this.#entriesOf(phase), round)) {
      const label = entry.contestant.label.padEnd(24)
      const place = `${phase.name} ${round + 1}/${phase.rounds}`.padEnd(16)
      await this.#attempt(entry, `${phase.name}, round ${round + 1}`, async () => {
        const { notes = [], ...sample } = await phase.measure(entry.contestant)
        entry.samples.push({ phase: phase.name, round, ...sample })
        for (const note of notes) entry.notes.add(note)
        this.#progress.done(phase.secondsEach)
        this.#progress.step(`${place} ${label} ${describe(sample.values, this.#measures)}`)
      })
    }
  }

  /** A contestant that fails is out of what follows. */
  async #attempt(entry: Entry, when: string, work: () => Promise<void>): Promise<void> {
    if (entry.failed !== null) return
    try {
      await work()
    } catch (error) {
      const reason = entry.contestant.failure() ?? messageOf(error)
      entry.failed = `${reason} (${when})`
      entry.contestant.stop()
      this.#progress.step(`${entry.contestant.label} failed: ${entry.failed}`)
    }
  }

  #entriesOf(phase: Phase): Entry[] {
    return [...this.#proxies, ...(phase.withDirect ? [this.#direct] : [])].filter(({ failed }) => failed === null)
  }

  #note(notes: readonly string[]): void {
    this.notes.push(...notes)
    for (const note of notes) this.#progress.note(note)
  }
}

/** The first figures in the order of the scenario, parts of a sum left out. */
function describe(values: Readonly<Record<string, number>>, measures: readonly Measure[]): string {
  const parts = new Set(measures.flatMap(measure => measure.parts ?? []))
  const shown = measures.filter(({ key }) => values[key] !== undefined && !parts.has(key)).slice(0, FIGURES_SHOWN)
  return shown.map(({ key, unit }) => quantityText(values[key] ?? Number.NaN, unit).padStart(FIGURE_WIDTH)).join(' ')
}
