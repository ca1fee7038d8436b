import { prettyFactory } from 'pino-pretty'

/** The fields that have a place in an access line's text. */
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
    messageFormat: entry => visible(accessText(entry as LogEntry)),
  })
  return line => {
    let entry: LogEntry
    try {
      entry = JSON.parse(line) as LogEntry
    } catch {
      return `${visible(line.trimEnd())}\n`
    }
    const text = entry.msg === 'access' ? access(entry) : general(entry)
    return text.endsWith('\n') ? text : `${text}\n`
  }
}

function accessText(entry: LogEntry): string {
  const parts = [`${entry.method || '-'} ${entry.host ?? ''}${entry.target ?? ''}`, `${entry.status}`]
  if (typeof entry.total_us === 'number') parts.push(`${(entry.total_us / 1000).toFixed(1)} ms`)
  if (entry.endpoint) parts.push(`${entry.upstream} ${entry.endpoint}`)
  else if (entry.route) parts.push(`${entry.route}`)
  if (entry.retries) parts.push(`${entry.retries} retries`)
  if (entry.flag || entry.error) parts.push(`${entry.flag ?? ''} ${entry.error ?? ''}`.trim())
  return parts.join('  ')
}

function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, control => {
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
