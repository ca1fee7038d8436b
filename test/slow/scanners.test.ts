import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../support/listen.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { certificateSnapshot, listenerTls } from '../support/tls.ts'

/** Programs that look for weaknesses of TLS, pointed at a listener with the defaults. */

const run = promisify(execFile)

let folder: TemporaryFolder
let origin: Listening
let proxy: InstrumentedProxy

beforeAll(async () => {
  folder = await temporaryFolder()
  const authority = await createAuthority()
  const [ecdsa, rsa] = [await authority.issue(), await authority.issue({ keyType: 'rsa' })]
  const certificates = [certificateSnapshot(ecdsa), certificateSnapshot(rsa, ['localhost'], { keyType: 'rsa' })]
  origin = await listenOn(createServer((_, response) => response.end('here')))
  proxy = await startInstrumentedProxy({
    workers: 2,
    listeners: [{ tls: listenerTls({ certificates, alpn: ['h2', 'http/1.1'] }) }],
    upstreams: { a: [origin.address] },
  })
})

afterAll(async () => {
  await proxy?.stop()
  await origin?.close()
  await folder?.[Symbol.asyncDispose]()
})

describe('sslscan', () => {
  it('finds TLS 1.2 and 1.3 alone, with ciphers that are strong', { timeout: 120_000 }, async () => {
    const { stdout } = await run('sslscan', ['--no-colour', '--show-sigs', `localhost:${proxy.port}`])
    for (const name of ['SSLv2', 'SSLv3', 'TLSv1.0', 'TLSv1.1']) expect(stdout).toMatch(`${name.padEnd(10)}disabled`)
    for (const name of ['TLSv1.2', 'TLSv1.3']) expect(stdout).toMatch(`${name.padEnd(10)}enabled`)
    const accepted = [...stdout.matchAll(/^(?:Preferred|Accepted)\s+(\S+)\s+(\d+) bits\s+(\S+)/gm)]
    expect(accepted.length).toBeGreaterThan(3)
    for (const [line, , bits, cipher] of accepted) {
      expect(Number(bits), line).toBeGreaterThanOrEqual(128)
      expect(cipher, line).toMatch(/^(?:TLS_|ECDHE-).*(?:GCM|CHACHA20)/)
    }
    expect(stdout).toContain('Session renegotiation not supported')
    expect(stdout).toContain('not vulnerable to heartbleed')
  })
})

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

/** Which of the strong ciphers it is to be is the client's choice, as Mozilla's intermediate profile has it. */
const CHOSEN = new Set(['cipher_order'])

/** Of certificates that no public authority has issued, and for a name that nobody else knows. */
const OF_THE_CERTIFICATE =
  /^(?:cert_|DNS_CAArecord|OCSP|chain_of_trust|cert_chain_of_trust|cert_revocation|certificate_transparency|scan)/

describe('testssl.sh', () => {
  it('finds nothing to complain of but the certificate of a test', { timeout: 900_000 }, async () => {
    const report = folder.file('report.json')
    const args = [
      '--quiet',
      '--color',
      '0',
      '--warnings',
      'batch',
      '--jsonfile',
      report,
      '--protocols',
      '--server-defaults',
    ]
    const checks = ['--std', '--fs', '--server-preference', '--vulnerable']
    await run('testssl', [...args, ...checks, `localhost:${proxy.port}`], { maxBuffer: 1 << 26 }).catch(error => error)
    const findings = JSON.parse(await readFile(report, 'utf8')) as Finding[]
    const of = (id: string) => findings.filter(finding => finding.id === id).map(({ severity }) => severity)
    expect(of('TLS1_2')).toEqual(['OK'])
    expect(of('TLS1_3')).toEqual(['OK'])
    for (const id of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1']) expect(of(id), id).not.toContain('HIGH')
    const bad = findings.filter(({ severity }) => ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'].includes(severity))
    expect(bad.filter(({ id }) => !OF_THE_CERTIFICATE.test(id) && !CHOSEN.has(id))).toEqual([])
  })
})
