import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accessLine } from '../../../src/telemetry/access-line.ts'
import { documentedFields } from '../../support/documented-fields.ts'
import { exchangeRecord } from '../../support/exchange-records.ts'

const STRINGS = [
  'method',
  'host',
  'target',
  'endpoint',
  'upstream',
  'route',
  'listener',
  'requestId',
  'protocol',
  'client',
  'flag',
  'error',
] as const

describe('the access line', () => {
  it('has the fields of the exchange, in a fixed order, on one line', () => {
    expect(accessLine(exchangeRecord())).toBe(
      '{"level":30,"time":1763000000001,"msg":"access","method":"GET","host":"api.example.com",' +
        '"target":"/v1/users/42?fields=name","status":200,"bytes_in":120,"bytes_out":340,"connect_us":0,' +
        '"first_byte_us":900,"total_us":1200,"endpoint":"10.0.0.1:3000","upstream":"api","route":"users",' +
        '"listener":"web","retries":0,"request_id":"0f8fad5b-d9cb-469f-a165-70867728950e","protocol":"HTTP/1.1",' +
        '"client":"192.0.2.7"}\n',
    )
  })

  it('has the fields that the documentation lists, all of them, in that order', () => {
    const documented = documentedFields('The access line')
    const wrong = { flag: 'UF', error: 'upstream_connect_failed', errorDetail: 'ECONNREFUSED' }
    const tls = { tlsVersion: 'TLSv1.3', tlsCipher: 'TLS_AES_128_GCM_SHA256', serverName: 'a.example' }
    const line = JSON.parse(accessLine(exchangeRecord({ ...tls, proxy: '10.0.0.1:4711', grpcStatus: 14, ...wrong })))
    expect(Object.keys(line)).toEqual(documented)
  })

  it('names the flag and the error where something went wrong, and only there', () => {
    const line = JSON.parse(accessLine(exchangeRecord({ status: 502, flag: 'UF', error: 'upstream_connect_failed' })))
    expect(line).toMatchObject({ status: 502, flag: 'UF', error: 'upstream_connect_failed' })
    expect(Object.keys(JSON.parse(accessLine(exchangeRecord())))).not.toContain('flag')
    expect(Object.keys(JSON.parse(accessLine(exchangeRecord())))).not.toContain('error')
  })

  it('has what an encrypted connection has agreed on, and nothing of it for others', () => {
    const tls = { tlsVersion: 'TLSv1.3', tlsCipher: 'TLS_AES_128_GCM_SHA256', serverName: 'a.example' }
    expect(JSON.parse(accessLine(exchangeRecord(tls)))).toMatchObject({
      tls_version: 'TLSv1.3',
      tls_cipher: 'TLS_AES_128_GCM_SHA256',
      server_name: 'a.example',
    })
    expect(JSON.parse(accessLine(exchangeRecord({ ...tls, serverName: '' })))).not.toHaveProperty('server_name')
    for (const key of ['tls_version', 'tls_cipher', 'server_name']) {
      expect(JSON.parse(accessLine(exchangeRecord()))).not.toHaveProperty(key)
    }
  })

  it('names who has told of the client, where somebody has', () => {
    expect(JSON.parse(accessLine(exchangeRecord({ proxy: '10.0.0.1:4711' })))).toMatchObject({ proxy: '10.0.0.1:4711' })
    expect(JSON.parse(accessLine(exchangeRecord()))).not.toHaveProperty('proxy')
  })

  it('has the status of a call, and of nothing else', () => {
    expect(JSON.parse(accessLine(exchangeRecord({ grpcStatus: 0 })))).toMatchObject({ grpc_status: 0 })
    expect(Object.keys(JSON.parse(accessLine(exchangeRecord())))).not.toContain('grpc_status')
  })

  it('says null for a duration that there was not', () => {
    const line = JSON.parse(accessLine(exchangeRecord({ connectUs: -1, firstByteUs: -1 })))
    expect(line.connect_us).toBeNull()
    expect(line.first_byte_us).toBeNull()
  })

  it('is timed by the end of the exchange, so that a long tunnel is not logged an hour in the past', () => {
    const hourUs = 3_600_000_000
    expect(JSON.parse(accessLine(exchangeRecord({ startedAtMs: 1000, totalUs: hourUs }))).time).toBe(3_601_000)
    expect(JSON.parse(accessLine(exchangeRecord({ startedAtMs: 1000, totalUs: -1 }))).time).toBe(1000)
  })

  it('writes numbers that JSON can hold, whatever the clock says', () => {
    const line = accessLine(exchangeRecord({ firstByteUs: Number.NaN, totalUs: 12.9, connectUs: Infinity }))
    expect(JSON.parse(line)).toMatchObject({ first_byte_us: null, total_us: 12, connect_us: null })
  })

  it('never lets a peer end its string or the line', () => {
    const target = '/"},\n{"level":60,"msg":"forged"}\\'
    const line = accessLine(exchangeRecord({ target }))
    expect(line.indexOf('\n')).toBe(line.length - 1)
    expect(JSON.parse(line).target).toBe(target)
  })

  it('gives every UTF-16 unit back through JSON, in ASCII', () => {
    for (let unit = 0; unit <= 0xffff; unit += unit < 0x300 ? 1 : 61) {
      const target = `/${String.fromCharCode(unit)}x`
      const line = accessLine(exchangeRecord({ target }))
      expect(line).toMatch(/^[ -~]*\n$/)
      expect(JSON.parse(line).target).toBe(target)
    }
    expect(JSON.parse(accessLine(exchangeRecord({ host: '\ud800\udfff\udc00' }))).host).toBe('\ud800\udfff\udc00')
  })

  it('is one line of ASCII and parses back to what the record had, for any strings', () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
    const text = fc.oneof(
      fc.string(),
      units.map(values => String.fromCharCode(...values)),
    )
    const strings = fc.record(Object.fromEntries(STRINGS.map(name => [name, text])))
    fc.assert(
      fc.property(strings, changes => {
        const line = accessLine(exchangeRecord(changes))
        expect(line).toMatch(/^[ -~]*\n$/)
        const parsed = JSON.parse(line)
        for (const name of STRINGS) {
          const field = name === 'requestId' ? 'request_id' : name
          expect(parsed[field] ?? '').toBe(changes[name])
        }
      }),
      { numRuns: 500 },
    )
  })
})
