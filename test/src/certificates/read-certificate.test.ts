import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeProblem } from '../../../src/certificates/problems.ts'
import { readAuthorities, readCertificate, readRevocationLists } from '../../../src/certificates/read-certificate.ts'
import type { CertificateFiles } from '../../../src/certificates/tls-files.ts'
import {
  createAuthority,
  inDays,
  selfSigned,
  type TestAuthority,
  type TestCertificate,
} from '../../support/certificates.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
let authority: TestAuthority
let leaf: TestCertificate

beforeAll(async () => {
  folder = await temporaryFolder()
  authority = await createAuthority()
  leaf = await authority.issue({ names: ['LOCALHOST', '*.example.com', '127.0.0.1', '::1'] })
})

afterAll(() => folder[Symbol.asyncDispose]())

function file(name: string, text: string): string {
  writeFileSync(folder.file(name), text)
  return folder.file(name)
}

function filesOf(given: Partial<CertificateFiles>): CertificateFiles {
  return { certificate: leaf.certificate, key: leaf.key, passphrase: '', ocsp: '', ...given }
}

function linesOf(given: Partial<CertificateFiles>): string[] {
  return readCertificate(filesOf(given)).problems.map(problem => `${problem.severity} ${describeProblem(problem)}`)
}

describe('a certificate', () => {
  it('never waits for a pipe, reads a device, or goes round in a circle', () => {
    execFileSync('mkfifo', [folder.file('pipe')])
    symlinkSync(folder.file('circle'), folder.file('circle'))
    const whole = file('whole.pem', leaf.certificate)
    const reasons = ['pipe', 'circle', 'whole.pem/x'].map(name => linesOf({ certificate: folder.file(name) }).join())
    expect(reasons).toEqual([
      expect.stringMatching(/pipe: it is a pipe or a device, not a file$/),
      expect.stringMatching(/circle: its links lead in a circle$/),
      expect.stringMatching(/x: what stands for a folder in its path is a file$/),
    ])
    expect(linesOf({ certificate: whole, key: '/dev/zero' })).toEqual([
      'error key /dev/zero: it is a pipe or a device, not a file',
    ])
  })

  it('is read from two files, with its names in lower case and what it says of itself', () => {
    const certificate = file('leaf.pem', leaf.certificate)
    const reading = readCertificate(filesOf({ certificate, key: file('leaf-key.pem', leaf.key) }))
    expect(reading.problems).toEqual([])
    expect(reading.certificate).toEqual({
      chain: leaf.certificate,
      key: leaf.key,
      names: ['localhost', '*.example.com', '127.0.0.1', '::1'],
      keyType: 'ecdsa',
      ocsp: null,
    })
    expect(reading.facts).toMatchObject({ issuer: 'Test authority', subject: 'CN=LOCALHOST', isSelfSigned: false })
    expect(reading.facts?.notAfterMs).toBeGreaterThan(inDays(29).getTime())
  })

  it('may share a file with its key, and its chain with comments and Windows line ends', () => {
    const text = `# a comment\r\n${leaf.key}${leaf.certificate}${authority.certificate}`.replaceAll('\n', '\r\n')
    const { certificate, problems } = readCertificate(filesOf({ certificate: file('all.pem', text), key: '' }))
    expect(problems).toEqual([])
    expect(certificate?.chain).toBe(leaf.certificate + authority.certificate)
    expect(certificate?.key).toBe(leaf.key)
  })

  it('has the common name where it has no other', async () => {
    const named = await selfSigned({ names: [], commonName: 'Old.Example.com' })
    const reading = readCertificate(filesOf({ certificate: named.certificate, key: named.key }))
    expect(reading.certificate?.names).toEqual(['old.example.com'])
    expect(reading.facts?.isSelfSigned).toBe(true)
  })

  it('without any name, ended, not begun yet, or out of order is told of and used all the same', async () => {
    const nameless = await selfSigned({ names: [], commonName: 'A person' })
    expect(linesOf({ certificate: nameless.certificate, key: nameless.key })).toEqual([
      'warning certificate: it names no host (clients compare the host with its SANs)',
    ])
    const ended = await authority.issueExpired()
    expect(linesOf({ certificate: ended.certificate, key: ended.key })[0]).toMatch(
      /^warning certificate: it ended on \d{4}-/,
    )
    expect(readCertificate(filesOf({ certificate: ended.certificate, key: ended.key })).certificate).not.toBeNull()
    const early = await authority.issue({ notBefore: inDays(3) })
    expect(linesOf({ certificate: early.certificate, key: early.key })[0]).toMatch(
      /^warning certificate: it begins on /,
    )
    const other = await selfSigned()
    expect(linesOf({ certificate: leaf.certificate + other.certificate })).toEqual([
      'warning certificate: the first of its certificates is not issued by the one behind it (the leaf first, then each with its issuer behind it)',
    ])
  })

  it('of an intermediate authority is in order with that behind it', async () => {
    const below = await authority.issueAuthority()
    const { chain, key } = await below.issue()
    expect(linesOf({ certificate: chain, key })).toEqual([])
  })

  it('with the key of another is refused', async () => {
    const other = await authority.issue()
    expect(linesOf({ key: file('other-key.pem', other.key) })).toEqual([
      `error key ${folder.file('other-key.pem')}: it does not fit the certificate (each certificate has a key of its own: one of the two is another pair’s)`,
    ])
  })

  it('with a short RSA key is refused', async () => {
    const weak = await selfSigned({ keyType: 'rsa', keyBits: 1024 })
    expect(linesOf({ certificate: weak.certificate, key: weak.key })).toEqual([
      'error certificate: its RSA key has 1024 bits (use one of 2048 or more, or ECDSA)',
    ])
  })

  it('and its key that cannot be read are both told of', () => {
    const lines = linesOf({ certificate: folder.file('none.pem'), key: file('empty.pem', '') })
    expect(lines).toEqual([
      `error certificate ${folder.file('none.pem')}: there is no such file`,
      `error key ${folder.file('empty.pem')}: it is empty`,
    ])
    expect(linesOf({ certificate: folder.path })).toEqual([`error certificate ${folder.path}: it is a folder`])
  })

  it.skipIf(process.getuid?.() === 0)('of another user is told of', () => {
    const closed = file('closed.pem', leaf.certificate)
    chmodSync(closed, 0)
    expect(linesOf({ certificate: closed })).toEqual([`error certificate ${closed}: it may not be read by this user`])
  })

  it('that is half written, no PEM, or garbage between its lines is refused, each with its own words', () => {
    expect(linesOf({ certificate: leaf.certificate.slice(0, 200) })).toEqual([
      'error certificate: it ends in the middle of a block',
    ])
    expect(linesOf({ certificate: file('text.pem', 'hello') })[0]).toContain('it has no certificate in PEM (one in DER')
    const garbage = leaf.certificate.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAAAAAAAAAAAAAAAAAA')
    expect(linesOf({ certificate: garbage })).toEqual(['error certificate: it cannot be read as a certificate'])
    expect(linesOf({ key: leaf.key.slice(0, 100) })).toEqual(['error key: it ends in the middle of a block'])
    expect(linesOf({ key: leaf.certificate })).toEqual(['error key: it has no private key in PEM'])
    expect(linesOf({ certificate: leaf.certificate, key: '' })).toEqual([
      'error key: no key stands beside the certificate (name its file: "key")',
    ])
  })

  it('has an encrypted key with a passphrase, which has to be the right one', () => {
    const key = createPrivateKey(leaf.key)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
      .toString()
    expect(readCertificate(filesOf({ key, passphrase: 'open sesame' })).certificate?.key).toBe(leaf.key)
    expect(linesOf({ key })).toEqual(['error key: it is encrypted (write its "passphrase", or ${file:PATH})'])
    expect(linesOf({ key, passphrase: 'sesame' })).toEqual([
      'error passphrase of the key: the key cannot be decrypted with it',
    ])
  })
})

describe('authorities and revocation lists', () => {
  it('are read whole, however many there are', async () => {
    const other = await createAuthority('Another')
    const bundle = `${authority.certificate}\n# and\n${other.certificate}`
    expect(readAuthorities(bundle)).toEqual({ pem: authority.certificate + other.certificate, problems: [] })
    const list = await authority.revoke(leaf.certificate)
    expect(readRevocationLists(file('list.pem', list))).toEqual({ pem: list, problems: [] })
    expect(readAuthorities('')).toEqual({ pem: '', problems: [] })
  })

  it('that have ended are told of, and used: OpenSSL lets nobody in by them', async () => {
    const list = await authority.revoke(leaf.certificate)
    const { pem, problems } = readRevocationLists(list, inDays(31).getTime())
    expect(pem).toBe(list)
    expect(problems.map(describeProblem)).toEqual([
      expect.stringMatching(/^revocation list: it ended on .* \(nobody whom its authority vouches for gets in/),
    ])
  })

  it('are refused for what they are not', () => {
    const garbage = `-----BEGIN X509 CRL-----\n${Buffer.from('hello').toString('base64')}\n-----END X509 CRL-----\n`
    expect(readRevocationLists(garbage).problems.map(describeProblem)).toEqual([
      'revocation list: it cannot be read as a revocation list',
    ])
    expect(readAuthorities(leaf.key).problems.map(describeProblem)[0]).toContain(
      'authorities: it has no certificate in PEM',
    )
    expect(readRevocationLists(leaf.certificate).problems.map(describeProblem)[0]).toContain(
      'revocation list: it has no revocation list in PEM',
    )
    expect(readRevocationLists(folder.file('gone')).problems.map(describeProblem)).toEqual([
      `revocation list ${folder.file('gone')}: there is no such file`,
    ])
  })
})
