import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { describeBounds, LIMITS, type Limit, ROUNDS } from '../bench/limits.ts'
import { BenchError, type BenchOptions, checkField, parseTarget } from '../bench/options.ts'
import { parseDuration } from '../config/units.ts'
import { type BenchFiles, checkFiles, reasonOf } from './bench-files.ts'

/** The arguments of `sluice bench`: how they are written, and what each of them means to the load generator. */

export interface BenchArguments extends BenchFiles {
  readonly connections?: number
  readonly threads?: number
  readonly duration?: number
  readonly requests?: number
  readonly rate?: number
  readonly warmUp?: number
  readonly method?: string
  readonly header?: readonly (readonly [string, string])[]
  readonly body?: string
  readonly bodyFile?: string
  readonly pipelining?: number
  readonly keepAlive: boolean
  readonly timeout?: number
  readonly insecure?: boolean
  readonly ca?: string
  readonly servername?: string
  readonly vs?: string
  readonly rounds?: number
  readonly quiet?: boolean
}

export function addBenchOptions(command: Command): Command {
  const options = [
    numberOption('-c, --connections <N>', 'connections open at once', LIMITS.connections),
    numberOption('-t, --threads <N>', 'threads that send (default: half of the processors)', LIMITS.threads),
    timeOption('-d, --duration <TIME>', 'how long to measure (default: 10s)', LIMITS.durationMs).conflicts('requests'),
    numberOption('-n, --requests <N>', 'how many requests to send, instead of for how long', LIMITS.requests),
    numberOption('-r, --rate <N>', 'requests per second in all, on a schedule that waits for nobody', LIMITS.rate),
    timeOption('-w, --warm-up <TIME>', 'load before measuring (default: none)', LIMITS.warmUpMs),
    new Option('-m, --method <METHOD>', 'the method (default: GET)'),
    new Option('-H, --header <FIELD>', "a header, 'Name: value'; may be repeated").argParser(parseHeader),
    new Option('--body <TEXT>', 'content of each request').conflicts('bodyFile'),
    new Option('--body-file <FILE>', 'the same from a file'),
    numberOption('-p, --pipelining <N>', 'requests on the way at once on each connection', LIMITS.pipelining),
    new Option('--no-keep-alive', 'a new connection for each request'),
    timeOption('--timeout <TIME>', 'how long to wait for a connection or an answer (default: 10s)', LIMITS.timeoutMs),
    new Option('-k, --insecure', 'HTTPS: accept any certificate').conflicts('ca'),
    new Option('--ca <FILE>', 'HTTPS: certificates (PEM) to trust instead of the system’s'),
    new Option('--servername <NAME>', 'HTTPS: the name to ask for and to check (default: the host of the URL)'),
    new Option('--vs <URL>', 'a second target: both in turn, and the ratio with its spread'),
    numberOption('--rounds <N>', 'with --vs: how often each target has its turn', ROUNDS),
    new Option('--json [FILE]', 'the result as JSON, on stdout without FILE'),
    new Option('--html <FILE>', 'the result as a page with plots'),
    new Option('--hgrm <FILE>', 'the latencies for HdrHistogram’s plotter'),
    new Option('-q, --quiet', 'no progress on stderr'),
  ]
  for (const option of options) command.addOption(option)
  return command
}

/** @throws {BenchError} for what the single options cannot know: files, and what goes with what. */
export async function readBenchOptions(url: string, args: BenchArguments): Promise<BenchOptions> {
  if (args.rounds !== undefined && args.vs === undefined)
    throw new BenchError('--rounds is for comparing, with --vs URL')
  const targets = [url, ...(args.vs === undefined ? [] : [args.vs])].map(parseTarget)
  checkTlsArguments(targets, args)
  await checkFiles(args, targets.length)
  return {
    url,
    connections: args.connections,
    threads: args.threads,
    durationMs: args.duration,
    requests: args.requests,
    rate: args.rate,
    warmUpMs: args.warmUp,
    method: args.method,
    headers: args.header,
    body: args.bodyFile === undefined ? args.body : await readNamed('--body-file', args.bodyFile),
    pipelining: args.pipelining,
    keepAlive: args.keepAlive,
    timeoutMs: args.timeout,
    insecure: args.insecure,
    ca: args.ca === undefined ? undefined : (await readNamed('--ca', args.ca)).toString(),
    serverName: args.servername,
  }
}

function numberOption(flags: string, description: string, limit: Limit): Option {
  const parse = (text: string) => {
    const value = /^[0-9]+(?:\.[0-9]+)?$/.test(text) ? Number(text) : Number.NaN
    const isWithin = value >= limit.minimum && value <= limit.maximum && (!limit.isWhole || Number.isInteger(value))
    if (!isWithin) throw new InvalidArgumentError(`It must be ${describeBounds(limit)}.`)
    return value
  }
  const isShown = limit.default !== 0 && !description.includes('default')
  return new Option(flags, isShown ? `${description} (default: ${limit.default})` : description).argParser(parse)
}

function timeOption(flags: string, description: string, limit: Limit): Option {
  return new Option(flags, description).argParser(text => {
    const parsed = parseDuration(text, limit.minimum, limit.maximum)
    if (parsed.ok) return parsed.value
    throw new InvalidArgumentError([parsed.message, parsed.hint].filter(part => part !== '').join('; '))
  })
}

function parseHeader(text: string, before: readonly (readonly [string, string])[] = []): (readonly [string, string])[] {
  const colon = text.indexOf(':')
  if (colon < 1) throw new InvalidArgumentError("It must look like 'Name: value'.")
  try {
    return [...before, checkField(text.slice(0, colon).trim(), text.slice(colon + 1).trim())]
  } catch (error) {
    throw error instanceof BenchError ? new InvalidArgumentError(`${error.message}.`) : error
  }
}

function checkTlsArguments(targets: readonly URL[], args: BenchArguments): void {
  if (targets.some(target => target.protocol === 'https:')) return
  const given = (['insecure', 'ca', 'servername'] as const).find(name => args[name] !== undefined)
  if (given !== undefined) throw new BenchError(`--${given} is for https URLs`)
}

async function readNamed(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new BenchError(`${option}: cannot read ${path}: ${reasonOf(error)}`)
  }
}
