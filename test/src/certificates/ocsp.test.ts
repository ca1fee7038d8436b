import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readOcspResponse } from '../../../src/certificates/ocsp.ts'
import { describeProblem } from '../../../src/certificates/problems.ts'
import { readCertificate } from '../../../src/certificates/read-certificate.ts'
import { createAuthority, type TestCertificate } from '../../support/certificates.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

const DAY_MS = 24 * 60 * 60 * 1000

let folder: TemporaryFolder
let leaf: TestCertificate
let other: TestCertificate

beforeAll(async () => {
  folder = await temporaryFolder()
  const authority = await createAuthority()
  leaf = await authority.issue()
  other = await authority.issue()
  writeFileSync(folder.file('ca.pem'), authority.certificate)
  writeFileSync(folder.file('ca-key.pem'), authority.key)
  writeFileSync(folder.file('leaf.pem'), leaf.certificate)
  const { serialNumber } = new X509Certificate(leaf.certificate)
  writeFileSync(folder.file('index.txt'), `V\t401231235959Z\t\t${serialNumber}\tunknown\t/CN=localhost\n`)
  // What a responder would say, asked without a network.
  const say = (file: string, days: string) => {
    const who = ['-CA', 'ca.pem', '-rsigner', 'ca.pem', '-rkey', 'ca-key.pem', '-issuer', 'ca.pem', '-cert', 'leaf.pem']
    execFileSync('openssl', ['ocsp', '-index', 'index.txt', ...who, '-ndays', days, '-respout', file], {
      cwd: folder.path,
      stdio: 'ignore',
    })
  }
  say('good.der', '7')
})

afterAll(() => folder[Symbol.asyncDispose]())

function linesOf(certificate: TestCertificate, file: string, nowMs = Date.now()): string[] {
  const ocsp = folder.file(file)
  const files = { certificate: certificate.certificate, key: certificate.key, passphrase: '', ocsp }
  return readCertificate(files, nowMs).problems.map(problem => `${problem.severity} ${describeProblem(problem)}`)
}

describe('an OCSP response', () => {
  it('says which certificate it is about, and how long it holds', () => {
    const response = readOcspResponse(readFileSync(folder.file('good.der')))
    expect(response?.serialNumbers).toEqual([new X509Certificate(leaf.certificate).serialNumber.toLowerCase()])
    const days = ((response?.nextUpdateMs ?? 0) - Date.now()) / DAY_MS
    expect(Math.round(days)).toBe(7)
  })

  it('goes with its certificate', () => {
    const ocsp = folder.file('good.der')
    const { certificate, problems } = readCertificate({
      certificate: leaf.certificate,
      key: leaf.key,
      passphrase: '',
      ocsp,
    })
    expect(problems).toEqual([])
    expect(Buffer.from(certificate?.ocsp ?? [])).toEqual(readFileSync(ocsp))
  })

  it('about another certificate, or one that has ended, is left out with a word', () => {
    expect(linesOf(other, 'good.der')).toEqual([
      expect.stringMatching(/^warning .*it is about another certificate, and is not/),
    ])
    const later = Date.now() + 8 * DAY_MS
    expect(linesOf(leaf, 'good.der', later)).toEqual([
      expect.stringMatching(/^warning .*it ended on .*, and is not sent/),
    ])
  })

  it('that is none is refused, wherever it is cut off', () => {
    const whole = readFileSync(folder.file('good.der'))
    for (let length = 0; length < whole.length; length++) {
      expect(() => readOcspResponse(whole.subarray(0, length))).not.toThrow()
    }
    expect(readOcspResponse(whole.subarray(0, 40))).toBeNull()
    // The responder knows nothing: tryLater.
    expect(readOcspResponse(Buffer.from([0x30, 3, 0x0a, 1, 3]))).toBeNull()
    writeFileSync(folder.file('text.der'), 'hello')
    expect(linesOf(leaf, 'text.der')).toEqual([
      expect.stringMatching(/^error .*it is no OCSP response that says something/),
    ])
    expect(linesOf(leaf, 'none.der')).toEqual([expect.stringMatching(/^error .*there is no such file/)])
  })
})
