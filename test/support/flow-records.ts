import type { FlowRecord } from '../../engine/l4/flow-record.ts'

/** A record as the engine makes it for a plain flow of TCP; what differs is given. */
export function flowRecord(changes: Partial<FlowRecord> = {}): FlowRecord {
  return {
    startedAtMs: 1_763_000_000_000,
    protocol: 'tcp',
    listener: 'postgres',
    client: '192.0.2.7:51234',
    proxy: '',
    upstream: 'pg',
    endpoint: '10.0.0.20:5432',
    bytesIn: 120,
    bytesOut: 340,
    datagramsIn: 0,
    datagramsOut: 0,
    connectUs: 250,
    firstByteUs: 900,
    totalUs: 1200,
    retries: 0,
    serverName: '',
    tlsVersion: '',
    tlsCipher: '',
    flag: '',
    error: '',
    errorDetail: '',
    ...changes,
  }
}

/** A record is good for the length of the call only, and its fields may be getters. */
export function copyOfFlow(record: FlowRecord): FlowRecord {
  const keys = Object.keys(flowRecord()) as (keyof FlowRecord)[]
  return flowRecord(Object.fromEntries(keys.map(key => [key, record[key]])))
}
