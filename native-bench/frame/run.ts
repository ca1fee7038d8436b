/** A whole run: who takes part, every scenario, and what comes of it. */
import { spawnSync } from 'node:child_process'
import { commandPath } from '../../scripts/system-packages.ts'
import { uWebSocketsAbsence } from '../origins/uwebsockets.ts'
import { splitCores } from './cores.ts'
import { BenchFailure, messageOf } from './failure.ts'
import { BUSY_PERCENT_MAX, busyPercent, describeMachine, describeRevision } from './machine.ts'
import type { RunSettings } from './options.ts'
import type { Peer } from './peer.ts'
import { Progress } from './progress.ts'
import { type PeerResult, RESULTS_FORMAT, type Results, type ScenarioResult } from './results.ts'
import type { Scenario } from './scenario.ts'
import { runScenario } from './scenario-run.ts'

/** How long the machine is watched before a run, in s. */
const QUIET_SECONDS = 0.5

export interface RunInput {
  readonly settings: RunSettings
  /** The command line, to be kept. */
  readonly args: readonly string[]
  /** All that there are; the settings choose among them. */
  readonly peers: readonly Peer[]
  readonly scenarios: readonly Scenario[]
  readonly write: (line: string) => void
}

/** Throws a `BenchFailure` where something that every scenario needs is not there. */
export async function runBench({ settings, args, peers, scenarios, write }: RunInput): Promise<Results> {
  const tools = requireTools(settings)
  const chosen = peers.filter(({ name }) => settings.peers.includes(name))
  const taking = chosen.map(probe)
  for (const { name, version, absent } of taking) write(`${name.padEnd(20)} ${version ?? `absent: ${absent}`}`)
  const present = chosen.filter((_, index) => taking[index]?.absent === null)
  if (!present.some(({ kind }) => kind === 'sluice')) {
    throw new BenchFailure(`Sluice itself is absent: ${taking.find(({ kind }) => kind === 'sluice')?.absent}`)
  }
  const machine = describeMachine()
  const revision = describeRevision()
  const busyPercentBefore = Math.round(await busyPercent(QUIET_SECONDS))
  if (busyPercentBefore > BUSY_PERCENT_MAX) {
    write(`note: the machine is ${busyPercentBefore} % busy with something else: expect noise`)
  }
  const startedAt = performance.now()
  const date = new Date().toISOString()
  const running = scenarios.filter(({ name }) => settings.scenarios.includes(name))
  const progress = new Progress(running.length, write)
  const results: ScenarioResult[] = []
  for (const scenario of running) results.push(await attempt(scenario, present, settings, progress))
  return {
    format: RESULTS_FORMAT,
    date,
    durationSeconds: Math.round((performance.now() - startedAt) / 1000),
    arguments: args,
    rounds: settings.rounds,
    seconds: settings.seconds,
    machine,
    revision,
    busyPercentBefore,
    tools,
    peers: taking,
    scenarios: results,
  }
}

async function attempt(
  scenario: Scenario,
  peers: readonly Peer[],
  settings: RunSettings,
  progress: Progress,
): Promise<ScenarioResult> {
  const workers = Math.max(...scenario.variants.map(({ setup }) => setup?.workers ?? 1))
  const { rounds, seconds, origin } = settings
  try {
    return await runScenario(scenario, peers, { cores: splitCores(workers), rounds, seconds, origin }, progress)
  } catch (error) {
    const note = `the scenario did not run: ${messageOf(error)}`
    progress.note(note)
    const { name, title, summary, unit, measures } = scenario
    return { name, title, summary, unit, measures, notes: [note], rows: [] }
  }
}

function probe(peer: Peer): PeerResult {
  const presence = peer.probe()
  const [version, absent] = 'absent' in presence ? [null, presence.absent] : [presence.version, null]
  return { name: peer.name, kind: peer.kind, version, absent }
}

/** Versions of origin and load generator. */
function requireTools({ origin }: RunSettings): Record<string, string> {
  if (origin === 'uwebsockets') {
    const absence = uWebSocketsAbsence()
    if (absence !== null) throw new BenchFailure(absence)
  }
  const missing = ['nginx', 'wrk'].filter(command => commandPath(command) === null)
  if (missing.length > 0) {
    throw new BenchFailure(`${missing.join(' and ')} missing: sudo apt-get install ${missing.join(' ')}`)
  }
  return { wrk: versionIn('wrk', /wrk (\S+)/), nginx: versionIn('nginx', /nginx\/(\S+)/), origin }
}

function versionIn(command: string, pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(commandPath(command) ?? command, ['-v'], { encoding: 'utf8' })
  return pattern.exec(stdout + stderr)?.[1] ?? 'unknown'
}
