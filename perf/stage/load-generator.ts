/** Load on a proxy that is looked into: wrk where it is there, which costs the machine the least, else autocannon. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { atEnd } from '../../native-bench/frame/clean-up.ts'
import { commandPath } from '../../scripts/system-packages.ts'
import { PerfFailure } from '../failure.ts'
import type { Scenario } from '../load/scenarios.ts'

export interface LoadOptions {
  /** The proxy's, without a path. */
  readonly url: string
  readonly scenario: Scenario
  readonly connections: number
  readonly seconds: number
  /** For what the generator has to read from a file. */
  readonly folder: string
}

export interface LoadReport {
  /** The program that made the load. */
  readonly generator: 'wrk' | 'autocannon'
  readonly requests: number
  /** Connections that failed, and answers other than 2xx or 3xx. */
  readonly errors: number
}

/** Runs the load; resolves at its end. */
export function runLoad(options: LoadOptions): Promise<LoadReport> {
  return commandPath('wrk') !== null ? runWrk(options) : runAutocannon(options)
}

async function runWrk({ url, scenario, connections, seconds, folder }: LoadOptions): Promise<LoadReport> {
  const fields = scenario.fields.flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, ...fields]
  if (scenario.method !== 'GET') args.push('-s', writeWrkScript(folder, scenario))
  const text = await outputOf('wrk', [...args, url + scenario.path])
  const requests = /(\d+) requests in/.exec(text)?.[1]
  if (requests === undefined) throw new PerfFailure(`wrk gave no report: ${text.trim().split('\n')[0]}`)
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? []
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0
  const failed = errors.reduce((sum, count) => sum + Number(count), Number(refused))
  return { generator: 'wrk', requests: Number(requests), errors: failed }
}

function writeWrkScript(folder: string, { method, contentBytes }: Scenario): string {
  const path = join(folder, 'request.lua')
  writeFileSync(path, `wrk.method = "${method}"\nwrk.body = string.rep("x", ${contentBytes})\n`)
  return path
}

function outputOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = atEnd(() => child.kill('SIGKILL'))
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', chunk => (text += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => {
      kill()
      resolve(text)
    })
  })
}

async function runAutocannon({ url, scenario, connections, seconds }: LoadOptions): Promise<LoadReport> {
  const result = await autocannon({
    url: url + scenario.path,
    connections,
    duration: seconds,
    method: scenario.method,
    headers: Object.fromEntries(scenario.fields),
    ...(scenario.contentBytes > 0 ? { body: 'x'.repeat(scenario.contentBytes) } : {}),
  })
  return { generator: 'autocannon', requests: result.requests.total, errors: result.errors + result.non2xx }
}
