/** Closed-loop load: as many requests as the proxy can answer. wrk costs the machine the least of all generators. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HttpRequest } from '../frame/http-request.ts'
import { Program, type Stage } from '../frame/stage.ts'
import { outputOf } from './output.ts'

export interface LoadReport {
  /** Requests, messages: what was done in full. */
  readonly units: number
  readonly seconds: number
}

/** An answer that takes longer counts as a failure. */
const TIMEOUT_SECONDS = 30

export class Wrk {
  readonly #request: HttpRequest
  readonly #connections: number
  readonly #stage: Stage
  readonly #script: string | null

  readonly #scheme: 'http' | 'https'

  constructor(request: HttpRequest, connections: number, stage: Stage, isSecure = false) {
    this.#scheme = isSecure ? 'https' : 'http'
    this.#request = request
    this.#connections = connections
    this.#stage = stage
    this.#script = request.contentBytes > 0 ? writeScript(stage, request) : null
  }

  /** Throws where a connection failed or an answer was none of success. wrk takes whole seconds, so it may be longer. */
  async run(port: number, seconds: number): Promise<LoadReport> {
    const args = ['-t1', `-c${this.#connections}`, `-d${Math.ceil(seconds)}s`, '--timeout', `${TIMEOUT_SECONDS}s`]
    for (const line of this.#request.fields) args.push('-H', line)
    if (this.#script !== null) args.push('-s', this.#script)
    const program = new Program(['wrk', ...args, `${this.#scheme}://127.0.0.1:${port}${this.#request.path}`], 'pipe')
    this.#stage.atEnd(program.kill)
    return parseReport(await outputOf(program), this.#connections)
  }
}

/**
 * What wrk prints at its end. A proxy that is asked to close may do so without announcing it: wrk takes each of those for
 * a failed read, beside an answer that was whole. Reads that failed are forgiven only where every answer has one.
 */
export function parseReport(text: string, connections: number): LoadReport {
  const [, units, duration, unit] = /(\d+) requests in ([\d.]+)(ms|s|m)\b/.exec(text) ?? []
  if (units === undefined) throw new Error(`wrk gave no report: ${text.trim().split('\n')[0]}`)
  const sockets = /Socket errors: (.*)/.exec(text)?.[1]
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1]
  if (refused !== undefined) throw new Error(`${refused} of ${units} answers were not 2xx`)
  const [connect, read, write, timeout] = (sockets?.match(/\d+/g) ?? []).map(Number)
  const closesUnannounced = connect === 0 && write === 0 && timeout === 0 && isNear(read, Number(units), connections)
  if (sockets !== undefined && !closesUnannounced)
    throw new Error(`connections failed: ${sockets} (of ${units} requests)`)
  if (Number(units) === 0) throw new Error('not one answer came')
  const factor = unit === 'm' ? 60 : unit === 'ms' ? 0.001 : 1
  return { units: Number(units), seconds: Number(duration) * factor }
}

function isNear(value = Number.NaN, other: number, distance: number): boolean {
  return Math.abs(value - other) <= distance
}

function writeScript(stage: Stage, request: HttpRequest): string {
  const path = join(stage.newFolder('wrk'), 'request.lua')
  const content = `wrk.body = string.rep("x", ${request.contentBytes})`
  writeFileSync(path, `wrk.method = "${request.method}"\nwrk.headers["Content-Type"] = "text/plain"\n${content}\n`)
  return path
}
