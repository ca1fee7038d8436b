import type { ExchangeRecord } from '../../engine/exchange/record.ts'

/** A record as the engine makes it for a plain forwarded request; what differs is given. */
export function exchangeRecord(changes: Partial<ExchangeRecord> = {}): ExchangeRecord {
  return {
    startedAtMs: 1_763_000_000_000,
    method: 'GET',
    host: 'api.example.com',
    target: '/v1/users/42?fields=name',
    status: 200,
    grpcStatus: -1,
    tlsVersion: '',
    tlsCipher: '',
    serverName: '',
    bytesIn: 120,
    bytesOut: 340,
    connectUs: 0,
    firstByteUs: 900,
    totalUs: 1200,
    endpoint: '10.0.0.1:3000',
    upstream: 'api',
    route: 'users',
    listener: 'web',
    retries: 0,
    requestId: '0f8fad5b-d9cb-469f-a165-70867728950e',
    protocol: 'HTTP/1.1',
    client: '192.0.2.7',
    proxy: '',
    flag: '',
    error: '',
    errorDetail: '',
    ...changes,
  }
}
