import type { ExchangeRecord } from '../../engine/exchange/record.ts'

/**
 * An exchange as one line of JSON, newline included, in ASCII characters only: every string is escaped so that it can
 * neither end its own quotes nor the line, whatever a peer sent. Characters outside ASCII become `\uXXXX`, one escape
 * per UTF-16 unit, so that lone surrogates survive too; any JSON parser gives back the string that the record had.
 *
 * `time` is when the exchange ended: log stores refuse lines that are hours old, and a tunnel can last that long.
 * Written by hand because it runs once a request; the bench is perf/micro/access-line.bench.ts.
 *
 * @hotpath
 */
export function accessLine(record: ExchangeRecord): string {
  const totalUs = record.totalUs
  const flag = record.flag
  const error = record.error
  return `{"level":30,"time":${endedAtMs(record.startedAtMs, totalUs)},"msg":"access","method":"${escaped(
    record.method,
  )}","host":"${escaped(record.host)}","target":"${escaped(record.target)}","status":${count(
    record.status,
  )},"bytes_in":${count(record.bytesIn)},"bytes_out":${count(record.bytesOut)},"connect_us":${count(
    record.connectUs,
  )},"first_byte_us":${count(record.firstByteUs)},"total_us":${count(totalUs)},"endpoint":"${escapedName(record.endpoint)}","upstream":"${escapedName(record.upstream)}","route":"${escapedName(record.route)}","listener":"${escapedName(record.listener)}","retries":${count(record.retries)},"request_id":"${escaped(record.requestId)}","protocol":"${escapedName(record.protocol)}","client":"${escaped(record.client)}"${tlsFields(record)}${grpcField(record.grpcStatus)}${flag === '' ? '' : `,"flag":"${escaped(flag)}"`}${
    error === '' ? '' : errorFields(error, record.errorDetail)
  }}\n`
}

/** Encrypted connections have them. */
function tlsFields({ tlsVersion, tlsCipher, serverName }: ExchangeRecord): string {
  if (tlsVersion === '') return ''
  const name = serverName === '' ? '' : `,"server_name":"${escapedName(serverName)}"`
  return `,"tls_version":"${escapedName(tlsVersion)}","tls_cipher":"${escapedName(tlsCipher)}"${name}`
}

/** Calls of gRPC have it. */
function grpcField(status: number): string {
  return status < 0 ? '' : `,"grpc_status":${status}`
}

function errorFields(error: string, detail: string): string {
  return `,"error":"${escaped(error)}"${detail === '' ? '' : `,"error_detail":"${escaped(detail)}"`}`
}

function endedAtMs(startedAtMs: number, totalUs: number): number | 'null' {
  return count(totalUs > 0 ? startedAtMs + totalUs / 1000 : startedAtMs)
}

/** A whole number from 0 on; `null` for -1 (there was none) and for what JSON could not hold. */
function count(value: number): number | 'null' {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.floor(value) : 'null'
}

const UNSAFE = /["\\\u0000-\u001f\u007f-\uffff]/
const UNSAFE_ALL = /["\\\u0000-\u001f\u007f-\uffff]/g

function escaped(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, escapeUnit) : text
}

/** Names of the configuration, which come again and again: known to need no escape. Past its bound: tested each time. */
const safeNames = new Set<string>()
const SAFE_NAMES_MAX = 4096

function escapedName(name: string): string {
  if (safeNames.has(name)) return name
  if (UNSAFE.test(name)) return escaped(name)
  if (safeNames.size < SAFE_NAMES_MAX) safeNames.add(name)
  return name
}

function escapeUnit(unit: string): string {
  if (unit === '"') return '\\"'
  if (unit === '\\') return '\\\\'
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
