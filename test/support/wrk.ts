import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface WrkReport {
  readonly requests: number
  readonly requestsPerSecond: number
  /** Answers with a status of 400 and more, as wrk counts them. */
  readonly badAnswers: number
  readonly socketErrors: {
    readonly connect: number
    readonly read: number
    readonly write: number
    readonly timeout: number
  }
  readonly text: string
}

export interface WrkOptions {
  readonly connections: number
  readonly seconds: number
  /** Field lines, `name: value`. */
  readonly fields?: readonly string[]
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}

/** Runs wrk, one thread, and reads its report. */
export async function wrk(url: string, { connections, seconds, fields = [] }: WrkOptions): Promise<WrkReport> {
  const args = [
    '-t',
    '1',
    '-c',
    String(connections),
    '-d',
    `${seconds}s`,
    ...fields.flatMap(field => ['-H', field]),
    url,
  ]
  const { stdout: text } = await promisify(execFile)('wrk', args)
  // The line is there only when there was one.
  const errors = (kind: string) => numberIn(text, new RegExp(`Socket errors:.*\\b${kind} (\\d+)`))
  return {
    requests: numberIn(text, /(\d+) requests in/),
    requestsPerSecond: numberIn(text, /Requests\/sec:\s+([\d.]+)/),
    badAnswers: numberIn(text, /Non-2xx or 3xx responses: (\d+)/),
    socketErrors: {
      connect: errors('connect'),
      read: errors('read'),
      write: errors('write'),
      timeout: errors('timeout'),
    },
    text,
  }
}
