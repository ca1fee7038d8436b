/** Closed-loop load of HTTP/2, by nghttp2's generator: several requests under way at once on each connection. */
import { commandPath } from '../../scripts/system-packages.ts'
import { BenchFailure } from '../frame/failure.ts'
import { Program, type Stage } from '../frame/stage.ts'
import { outputOf } from './output.ts'
import type { LoadReport } from './wrk.ts'

export interface Http2Load {
  readonly isSecure: boolean
  readonly path: string
  readonly connections: number
  /** Requests under way at once on each. */
  readonly streams: number
  readonly fields?: readonly string[]
  /** A file whose bytes are the content of each request; absent: GET. */
  readonly contentFile?: string
}

/** One for all, so that no proxy's preference makes a difference. */
const CIPHERS = 'TLS_AES_128_GCM_SHA256'

export class H2load {
  readonly #load: Http2Load
  readonly #stage: Stage
  readonly #executable: string

  constructor(load: Http2Load, stage: Stage) {
    const executable = commandPath('h2load')
    if (executable === null) throw new BenchFailure('HTTP/2 needs h2load: sudo apt-get install nghttp2-client')
    this.#load = load
    this.#stage = stage
    this.#executable = executable
  }

  /** Throws where a request failed or an answer was none of success. */
  async run(port: number, seconds: number): Promise<LoadReport> {
    const { isSecure, path, connections, streams, fields = [], contentFile } = this.#load
    const args = ['-t1', `-c${connections}`, `-m${streams}`, `-D${Math.round(seconds * 1000)}ms`]
    if (isSecure) args.push(`--tls13-ciphers=${CIPHERS}`)
    for (const field of fields) args.push('-H', field)
    if (contentFile !== undefined) args.push('-d', contentFile)
    const program = new Program(
      [this.#executable, ...args, `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}${path}`],
      'pipe',
    )
    this.#stage.atEnd(program.kill)
    return parseReport(await outputOf(program), seconds)
  }
}

/** What h2load prints at its end. */
export function parseReport(text: string, seconds: number): LoadReport {
  const counts =
    /requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/
  const [, done, succeeded, failed, errored, late] = (counts.exec(text) ?? []).map(Number)
  if (done === undefined) throw new Error(`h2load gave no report: ${text.trim().split('\n')[0]}`)
  if (failed !== 0 || errored !== 0 || late !== 0 || succeeded !== done) {
    throw new Error(`of ${done} requests ${failed} failed, ${errored} broke and ${late} were too late`)
  }
  const [, good] = (/status codes: (\d+) 2xx/.exec(text) ?? []).map(Number)
  if (good === undefined || good < done) throw new Error(`${done - (good ?? 0)} of ${done} answers were not 2xx`)
  if (done === 0) throw new Error('not one answer came')
  return { units: done, seconds }
}
