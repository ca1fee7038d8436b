/** What the command line asks for. Everything wrong with it is a `BenchFailure` that says what to write instead. */
import { parseArgs } from 'node:util'
import { nearest } from '../../src/config/suggest.ts'
import { BenchFailure } from './failure.ts'

export type OriginKind = 'nginx' | 'uwebsockets'

export interface RunSettings {
  /** Names, in the order of the bench. */
  readonly scenarios: readonly string[]
  /** Names of peers; Sluice is one of them in any case. */
  readonly peers: readonly string[]
  readonly rounds: number
  /** Length of one measurement, in s. */
  readonly seconds: number
  readonly origin: OriginKind
  /** Where results go; null is a folder of its own, by the date. */
  readonly out: string | null
}

export type Command =
  | { readonly kind: 'help' | 'list' }
  | { readonly kind: 'run'; readonly settings: RunSettings }
  | { readonly kind: 'report'; readonly path: string; readonly out: string | null }
  | { readonly kind: 'compare'; readonly before: string; readonly after: string }

/** The names that there are to choose from. */
export interface Names {
  readonly scenarios: readonly string[]
  readonly peers: readonly string[]
}

/** Takes part whatever is chosen: the bench is about it. */
const SUBJECT = 'sluice'

const ORIGINS: readonly OriginKind[] = ['nginx', 'uwebsockets']

const OPTIONS = {
  scenario: { type: 'string', multiple: true, short: 's' },
  peers: { type: 'string', multiple: true, short: 'p' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '5' },
  origin: { type: 'string', default: 'nginx' },
  out: { type: 'string' },
  report: { type: 'string' },
  compare: { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false, short: 'h' },
} as const

export const HELP = `npm run bench:native -- OPTIONS

Sluice beside other proxies: the same work, the same run, alternating rounds.

  --scenario NAMES   only these, with commas between them (all)
  --peers NAMES      only these beside Sluice, with commas between them (all that are installed)
  --rounds N         rounds of each measurement, 1 to 100 (5)
  --seconds N        length of each measurement, 1 to 600 (5)
  --origin NAME      what answers the requests: ${ORIGINS.join(' or ')} (nginx)
  --out FOLDER       where results.json, report.md and the plots go (native-bench/results/ and the date)
  --list             the scenarios and peers that there are
  --report FILE      renders report and plots anew from a results.json, into --out or beside it
  --compare A B      how far two results.json are apart, scenario by scenario
  --help             this text
`

export function parseCommand(args: readonly string[], names: Names): Command {
  const { values, positionals } = parse(args)
  if (values.help) return { kind: 'help' }
  if (values.list) return { kind: 'list' }
  if (values.compare !== undefined) {
    const [after, ...rest] = positionals
    if (after === undefined) throw new BenchFailure('--compare takes two files: the results before and those after')
    refuse(rest)
    return { kind: 'compare', before: values.compare, after }
  }
  refuse(positionals)
  const out = values.out ?? null
  if (values.report !== undefined) return { kind: 'report', path: values.report, out }
  return { kind: 'run', settings: { ...runSettings(values, names), out } }
}

function runSettings(values: ReturnType<typeof parse>['values'], names: Names): Omit<RunSettings, 'out'> {
  const origin = ORIGINS.find(name => name === values.origin)
  if (origin === undefined) throw unknown('origin', values.origin, ORIGINS)
  return {
    scenarios: chosen('scenario', values.scenario, names.scenarios),
    peers: chosen('peer', values.peers, names.peers, SUBJECT),
    rounds: wholeNumber('rounds', values.rounds, 1, 100),
    seconds: wholeNumber('seconds', values.seconds, 1, 600),
    origin,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const option = /Unknown option '(--?[^']+)'/.exec(error.message)?.[1]
    if (option !== undefined) {
      const options = Object.keys(OPTIONS).map(name => `--${name}`)
      throw unknown('option', option, options)
    }
    // Node's hint about arguments that begin with a dash takes a sentence of its own.
    throw new BenchFailure(error.message.split(/\.\s/)[0] ?? error.message)
  }
}

/** The names that are asked for, in the order of those that there are; all where none is. */
function chosen(
  kind: string,
  lists: readonly string[] | undefined,
  names: readonly string[],
  always: string | null = null,
): string[] {
  if (lists === undefined) return [...names]
  const asked = lists.flatMap(list => list.split(',')).map(name => name.trim())
  for (const name of asked) if (!names.includes(name)) throw unknown(kind, name, names)
  return names.filter(name => name === always || asked.includes(name))
}

function unknown(kind: string, name: string, names: readonly string[]): BenchFailure {
  const near = nearest(name, names)
  const hint = near === null ? `there are ${names.join(', ')}` : `did you mean "${near}"?`
  return new BenchFailure(`there is no ${kind} "${name}": ${hint}`)
}

function wholeNumber(name: string, text: string, minimum: number, maximum: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value
  throw new BenchFailure(`--${name} takes a whole number from ${minimum} to ${maximum}, not "${text}"`)
}

function refuse(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new BenchFailure(`there is no use for "${positionals.join(' ')}" here; see --help`)
}
