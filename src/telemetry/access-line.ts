import type { ExchangeRecord } from '../../engine/exchange/record.ts'
import { count, endedAtMs, errorFields, escaped, escapedName, proxyField } from './line-parts.ts'

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
  )},"first_byte_us":${count(record.firstByteUs)},"total_us":${count(totalUs)},"endpoint":"${escapedName(record.endpoint)}","upstream":"${escapedName(record.upstream)}","route":"${escapedName(record.route)}","listener":"${escapedName(record.listener)}","retries":${count(record.retries)},"request_id":"${escaped(record.requestId)}","protocol":"${escapedName(record.protocol)}","client":"${escaped(record.client)}"${proxyField(record.proxy)}${tlsFields(record)}${grpcField(record.grpcStatus)}${flag === '' ? '' : `,"flag":"${escaped(flag)}"`}${
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
