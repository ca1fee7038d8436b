import type { FlowRecord } from '../../engine/l4/flow-record.ts'
import { count, endedAtMs, errorFields, escaped, escapedName, proxyField } from './line-parts.ts'

/**
 * A flow of TCP or UDP as one line of JSON, newline included, by the rules of `accessLine`: in ASCII characters only, escaped
 * whatever a peer has sent, and timed by its end.
 *
 * @hotpath
 */
export function flowLine(record: FlowRecord): string {
  const totalUs = record.totalUs
  const protocol = record.protocol
  return `{"level":30,"time":${endedAtMs(record.startedAtMs, totalUs)},"msg":"flow","protocol":"${protocol}","listener":"${escapedName(
    record.listener,
  )}","client":"${escaped(record.client)}"${proxyField(record.proxy)},"upstream":"${escapedName(
    record.upstream,
  )}","endpoint":"${escapedName(record.endpoint)}","bytes_in":${count(record.bytesIn)},"bytes_out":${count(
    record.bytesOut,
  )}${protocol === 'udp' ? datagramFields(record) : ''},"connect_us":${count(record.connectUs)},"first_byte_us":${count(
    record.firstByteUs,
  )},"total_us":${count(totalUs)},"retries":${count(record.retries)}${tlsFields(record)}${errorOf(record)}}\n`
}

function datagramFields({ datagramsIn, datagramsOut }: FlowRecord): string {
  return `,"datagrams_in":${count(datagramsIn)},"datagrams_out":${count(datagramsOut)}`
}

/** A name is known of handshakes that are passed on, too. */
function tlsFields({ serverName, tlsVersion, tlsCipher }: FlowRecord): string {
  const name = serverName === '' ? '' : `,"server_name":"${escapedName(serverName)}"`
  if (tlsVersion === '') return name
  return `,"tls_version":"${escapedName(tlsVersion)}","tls_cipher":"${escapedName(tlsCipher)}"${name}`
}

function errorOf(record: FlowRecord): string {
  const flag = record.flag
  const error = record.error
  return `${flag === '' ? '' : `,"flag":"${escaped(flag)}"`}${error === '' ? '' : errorFields(error, record.errorDetail)}`
}
