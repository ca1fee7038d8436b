import { prettyFactory } from 'pino-pretty'

/** The fields that have a place in the text of an access line, or of a flow's. */
interface LogEntry {
  readonly [key: string]: unknown
  readonly msg?: unknown
  readonly method?: string
  readonly host?: string
  readonly target?: string
  readonly status?: number
  readonly total_us?: number | null
  readonly endpoint?: string
  readonly upstream?: string
  readonly route?: string
  readonly retries?: number
  readonly flag?: string
  readonly error?: string
  readonly error_detail?: string
  readonly protocol?: string
  readonly listener?: string
  readonly client?: string
  readonly proxy?: string
  readonly server_name?: string
  readonly bytes_in?: number
  readonly bytes_out?: number
}

/**
 * Lines for people: a JSON line in, one or more lines of text out (newline included). Runs in the log thread.
 *
 * What came from a peer is in these lines, and a terminal obeys control characters: they are shown, never passed on.
 */
export function openPretty(isTerminal: boolean): (line: string) => string {
  const options = { colorize: isTerminal, translateTime: 'SYS:HH:MM:ss.l', singleLine: true, sync: true }
  const general = prettyFactory({
    ...options,
    ignore: 'pid,hostname',
    messageFormat: (entry, messageKey) => visible(String(entry[messageKey] ?? '')),
  })
  const access = prettyFactory({
    ...options,
    hideObject: true,
    messageFormat: entry => visible(entry.msg === 'flow' ? flowText(entry as LogEntry) : accessText(entry as LogEntry)),
  })
  return line => {
    let entry: LogEntry
    try {
      entry = JSON.parse(line) as LogEntry
    } catch {
      return `${visible(line.trimEnd())}\n`
    }
    const text = entry.msg === 'access' || entry.msg === 'flow' ? access(entry) : general(entry)
    return text.endsWith('\n') ? text : `${text}\n`
  }
}

function accessText(entry: LogEntry): string {
  const parts = [`${entry.method || '-'} ${entry.host ?? ''}${entry.target ?? ''}`, `${entry.status}`]
  if (typeof entry.total_us === 'number') parts.push(milliseconds(entry.total_us))
  if (entry.endpoint) parts.push(`${entry.upstream} ${entry.endpoint}`)
  else if (entry.route) parts.push(`${entry.route}`)
  return [...parts, ...troubles(entry)].join('  ')
}

function flowText(entry: LogEntry): string {
  const parts = [
    `${entry.protocol} ${entry.listener}`,
    `${entry.client}${entry.proxy ? ` by ${entry.proxy}` : ''}${entry.server_name ? ` for ${entry.server_name}` : ''}`,
    `${entry.bytes_in} B in, ${entry.bytes_out} B out`,
  ]
  if (typeof entry.total_us === 'number') parts.push(milliseconds(entry.total_us))
  if (entry.endpoint || entry.upstream) parts.push(`${entry.upstream} ${entry.endpoint}`.trim())
  return [...parts, ...troubles(entry)].join('  ')
}

function milliseconds(us: number): string {
  return `${(us / 1000).toFixed(1)} ms`
}

function troubles({ retries, flag, error, error_detail: detail }: LogEntry): string[] {
  const parts = retries ? [`${retries} retries`] : []
  if (flag || error) parts.push(`${flag ?? ''} ${error ?? ''}${detail ? ` (${detail})` : ''}`.trim())
  return parts
}

function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, control => {
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
