import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { flowLine } from '../../../src/telemetry/flow-line.ts'
import { documentedFields } from '../../support/documented-fields.ts'
import { flowRecord } from '../../support/flow-records.ts'

const TLS = { tlsVersion: 'TLSv1.3', tlsCipher: 'TLS_AES_128_GCM_SHA256', serverName: 'db.example' }
const WRONG = { flag: 'UF', error: 'upstream_connect_failed', errorDetail: 'ECONNREFUSED' }

describe('the line of a flow', () => {
  it('has its fields in a fixed order, on one line', () => {
    expect(flowLine(flowRecord())).toBe(
      '{"level":30,"time":1763000000001,"msg":"flow","protocol":"tcp","listener":"postgres","client":"192.0.2.7:51234",' +
        '"upstream":"pg","endpoint":"10.0.0.20:5432","bytes_in":120,"bytes_out":340,"connect_us":250,' +
        '"first_byte_us":900,"total_us":1200,"retries":0}\n',
    )
  })

  it('has the fields that the documentation lists, all of them, in that order', () => {
    const line = flowLine(flowRecord({ protocol: 'udp', proxy: '10.0.0.1:4711', ...TLS, ...WRONG }))
    expect(Object.keys(JSON.parse(line))).toEqual(documentedFields('The line of a flow'))
  })

  it('counts datagrams of UDP, and has no such fields for TCP', () => {
    const udp = JSON.parse(flowLine(flowRecord({ protocol: 'udp', datagramsIn: 3, datagramsOut: 2, connectUs: 0 })))
    expect(udp).toMatchObject({ protocol: 'udp', datagrams_in: 3, datagrams_out: 2, connect_us: 0 })
    expect(JSON.parse(flowLine(flowRecord()))).not.toHaveProperty('datagrams_in')
  })

  it('names what a handshake has asked for that was passed on, without a version of its own', () => {
    const line = JSON.parse(flowLine(flowRecord({ serverName: 'db.example' })))
    expect(line).toMatchObject({ server_name: 'db.example' })
    expect(line).not.toHaveProperty('tls_version')
    expect(JSON.parse(flowLine(flowRecord(TLS)))).toMatchObject({
      tls_version: 'TLSv1.3',
      tls_cipher: 'TLS_AES_128_GCM_SHA256',
      server_name: 'db.example',
    })
  })

  it('names what went wrong, and only where something did', () => {
    expect(JSON.parse(flowLine(flowRecord(WRONG)))).toMatchObject({
      flag: 'UF',
      error: 'upstream_connect_failed',
      error_detail: 'ECONNREFUSED',
    })
    for (const key of ['flag', 'error', 'error_detail', 'proxy']) {
      expect(JSON.parse(flowLine(flowRecord()))).not.toHaveProperty(key)
    }
  })

  it('says null for a duration that there was not', () => {
    const line = JSON.parse(flowLine(flowRecord({ connectUs: -1, firstByteUs: -1, totalUs: Number.NaN })))
    expect([line.connect_us, line.first_byte_us, line.total_us]).toEqual([null, null, null])
  })

  it('is one line of ASCII whatever a peer has sent, and gives it back', () => {
    const texts = fc.record({ serverName: fc.string({ unit: 'binary' }), client: fc.string({ unit: 'binary' }) })
    fc.assert(
      fc.property(texts, ({ serverName, client }) => {
        const line = flowLine(flowRecord({ serverName, client }))
        expect(line).toMatch(/^[\x20-\x7e]*\n$/)
        expect(JSON.parse(line)).toMatchObject(serverName === '' ? { client } : { client, server_name: serverName })
      }),
      { numRuns: 200 },
    )
  })
})
