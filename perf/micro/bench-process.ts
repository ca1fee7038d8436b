/** Bench files, and the process that each of them runs in: nothing that another file's benches did is left in it. */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atEnd } from '../../native-bench/frame/clean-up.ts'
import type { BenchRow, FailedRow } from './rows.ts'

const RUNNER = fileURLToPath(new URL('./runner.ts', import.meta.url))

export interface BenchFile {
  /** `http1/chunk`. */
  readonly room: string
  readonly path: string
}

/** The bench files of a tree, by name. */
export function benchFilesIn(tree: string): BenchFile[] {
  const folder = join(tree, 'perf', 'micro')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.bench.ts'))
    .map(name => ({ room: name.slice(0, -'.bench.ts'.length).replaceAll(sep, '/'), path: join(folder, name) }))
    .toSorted((a, b) => a.room.localeCompare(b.room, 'en'))
}

export interface BenchOptions {
  /** Part of a bench's whole name, in any case; empty for all. */
  readonly filter: string
  readonly milliseconds: number
  /** A few calls only, to see that it runs. */
  readonly short: boolean
}

export interface BenchReport {
  readonly rows: readonly BenchRow[]
  readonly failed: readonly FailedRow[]
  /** Why the file did not run to its end, in one line; `null` where it did. */
  readonly failure: string | null
}

/** Runs a file's benches. What they say on stderr beside a failure is passed on. */
export function runBenchFile({ path }: BenchFile, options: BenchOptions): Promise<BenchReport> {
  const { filter, milliseconds, short } = options
  const args = [RUNNER, path, '--json', '--milliseconds', String(milliseconds)]
  if (filter !== '') args.push('--filter', filter)
  if (short) args.push('--short')
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = atEnd(() => child.kill('SIGKILL'))
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', text => (output += text))
  child.stderr.setEncoding('utf8').on('data', text => (errors += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      kill()
      const all = parseRows(output)
      const failed = all.filter((row): row is FailedRow => 'failure' in row)
      const isWhole = code === 0 || failed.length > 0
      if (isWhole && !short) process.stderr.write(errors)
      const rows = all.filter((row): row is BenchRow => !('failure' in row))
      resolve({ rows, failed, failure: isWhole ? null : lastError(errors) })
    })
  })
}

function parseRows(output: string): (BenchRow | FailedRow)[] {
  return output
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as BenchRow | FailedRow)
}

/** The line of a stack trace that says what happened. */
function lastError(errors: string): string {
  const lines = errors.split('\n').map(line => line.trim())
  return (
    lines.find(line => /^(?:\w*Error|node:)/.test(line) && line.includes(' ')) ??
    lines.find(line => line !== '') ??
    'it ended'
  )
}
