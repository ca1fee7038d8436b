import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, statSync, unlinkSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder } from './command.ts'

function certificate(path: string): X509Certificate {
  return new X509Certificate(readFileSync(path))
}

describe('sluice gen-certs', () => {
  test('makes an authority and a certificate for localhost and its addresses, with keys for their owner alone', async () => {
    await using folder = await Folder.make()
    const { code, stdout } = await folder.run('gen-certs')
    expect(code).toBe(0)
    const leaf = certificate(folder.file('certs/localhost.pem'))
    const authority = certificate(folder.file('certs/ca.pem'))
    expect(leaf.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1')
    expect(leaf.checkIssued(authority) && leaf.verify(authority.publicKey)).toBe(true)
    expect(leaf.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' })
    const modes = ['ca.pem', 'ca-key.pem', 'localhost.pem', 'localhost-key.pem'].map(name =>
      (statSync(folder.file(`certs/${name}`)).mode & 0o777).toString(8),
    )
    expect(modes).toEqual(['644', '600', '644', '600'])
    expect(stdout).toContain('certs/ca.pem and certs/ca-key.pem are a new authority: keep the key to yourself')
    expect(stdout).toContain('          - cert: certs/localhost.pem\n            key: certs/localhost-key.pem')
    expect(stdout).toContain('curl --cacert certs/ca.pem https://localhost:8443/')
  })

  test('keeps the authority, and replaces a certificate only when it is told to', async () => {
    await using folder = await Folder.make()
    await folder.run('gen-certs', '--hostname', 'a.test', '--out', 'here')
    const [authority, first] = ['here/ca.pem', 'here/a.test.pem'].map(name => readFileSync(folder.file(name), 'utf8'))
    expect(await folder.run('gen-certs', '--hostname', 'a.test', '--out', 'here')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'sluice: here/a.test.pem is already there; --force replaces it\n',
    })
    const forced = ['--hostname', 'a.test', '--ip', '10.0.0.5', '--rsa', '--days', '10', '--force', '--out', 'here']
    const { stdout } = await folder.run('gen-certs', ...forced)
    expect(stdout).toContain('here/ca.pem is the authority, as before')
    expect(readFileSync(folder.file('here/ca.pem'), 'utf8')).toBe(authority)
    expect(readFileSync(folder.file('here/a.test.pem'), 'utf8')).not.toBe(first)
    const leaf = certificate(folder.file('here/a.test.pem'))
    expect(leaf.subjectAltName).toBe('DNS:a.test, IP Address:10.0.0.5')
    expect(leaf.publicKey.asymmetricKeyType).toBe('rsa')
    const days = (Date.parse(leaf.validTo) - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(9.9)
    expect(days).toBeLessThanOrEqual(10)
  })

  test('makes certificates for clients, and for wildcards', async () => {
    await using folder = await Folder.make()
    const { stdout } = await folder.run('gen-certs', '--hostname', '*.Exämple.test', '--client', 'Alice & Bob')
    const client = certificate(folder.file('certs/client-Alice___Bob.pem'))
    expect([client.subject, client.subjectAltName, client.keyUsage]).toEqual([
      'CN=Alice & Bob',
      undefined,
      ['1.3.6.1.5.5.7.3.2'],
    ])
    const server = certificate(folder.file('certs/wildcard.xn--exmple-cua.test.pem'))
    expect(server.subjectAltName).toBe('DNS:*.xn--exmple-cua.test')
    expect(stdout).toContain('          mode: require\n          ca: certs/ca.pem')
  })

  test('does not go on with half an authority, or with something else in its place', async () => {
    await using folder = await Folder.make()
    await folder.run('gen-certs')
    const leaf = readFileSync(folder.file('certs/localhost.pem'))
    unlinkSync(folder.file('certs/ca-key.pem'))
    expect(await folder.run('gen-certs', '--hostname', 'b.test')).toMatchObject({
      code: 1,
      stderr:
        'sluice: certs/ca.pem is there, but certs/ca-key.pem is not: take the one away, or bring the other back\n',
    })
    await using other = await Folder.make()
    await other.run('gen-certs', '--out', '.')
    const { writeFileSync } = await import('node:fs')
    writeFileSync(other.file('ca.pem'), leaf)
    expect(await other.run('gen-certs', '--hostname', 'b.test', '--out', '.')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^sluice: ca\.pem .*\n$/),
    })
  })

  test('refuses names that no host can have, before anything is written', async () => {
    await using folder = await Folder.make()
    for (const [option, value] of [
      ['--hostname', 'a b'],
      ['--hostname', 'a.*.test'],
      ['--hostname', '10.0.0.1'],
      ['--ip', 'a.test'],
      ['--ip', 'fe80::1%eth0'],
      ['--client', ''],
      ['--client', 'a\nb'],
      ['--client', 'a'.repeat(65)],
      ['--days', '0'],
    ] as const) {
      const { code, stderr } = await folder.run('gen-certs', option, value)
      expect([code, stderr]).toEqual([2, expect.stringContaining('must be')])
    }
    expect(() => statSync(folder.file('certs'))).toThrow()
  })

  test('takes the name of a client as it is, whatever is in it', async () => {
    await using folder = await Folder.make()
    const files = { '#abc': '_abc', 'a, "b"+c=d': 'a___b__c_d', 'CN=x\\;<>': 'CN_x____', Zoë: 'Zo_' }
    for (const [name, file] of Object.entries(files)) {
      expect((await folder.run('gen-certs', '--client', name)).code).toBe(0)
      const client = certificate(folder.file(`certs/client-${file}.pem`))
      expect(client.toLegacyObject().subject).toEqual({ CN: name })
      expect(client.verify(certificate(folder.file('certs/ca.pem')).publicKey)).toBe(true)
    }
  })

  test('never puts a certificate in the place of the authority, or of another key', async () => {
    await using folder = await Folder.make()
    await folder.run('gen-certs', '--hostname', 'a')
    const there = ['ca.pem', 'ca-key.pem', 'a-key.pem']
    const before = there.map(name => readFileSync(folder.file(`certs/${name}`), 'utf8'))
    for (const host of ['ca', 'ca-key', 'a-key']) {
      expect((await folder.run('gen-certs', '--hostname', host, '--force')).code).toBe(0)
      expect(certificate(folder.file(`certs/${host}.cert.pem`)).subjectAltName).toBe(`DNS:${host}`)
    }
    expect(there.map(name => readFileSync(folder.file(`certs/${name}`), 'utf8'))).toEqual(before)
  })

  test('writes all that is asked for or nothing', async () => {
    await using folder = await Folder.make()
    await folder.run('gen-certs', '--client', 'alice')
    expect((await folder.run('gen-certs', '--hostname', 'a.test', '--client', 'alice')).code).toBe(1)
    expect(() => statSync(folder.file('certs/a.test.pem'))).toThrow('ENOENT')
  })

  test('issues with an authority of any usual kind, and with none whose key is of another', async () => {
    await using folder = await Folder.make()
    for (const [place, options] of Object.entries({
      p384: '-newkey ec -pkeyopt ec_paramgen_curve:secp384r1',
      rsa: '-newkey rsa:2048',
      ed: '-newkey ed25519',
    })) {
      mkdirSync(folder.file(place))
      const [key, cert] = ['ca-key.pem', 'ca.pem'].map(name => folder.file(`${place}/${name}`))
      const subject = ['-subj', '/O=Firma, "A"/CN=Us', '-days', '9', '-keyout', `${key}`, '-out', `${cert}`]
      execFileSync('openssl', ['req', '-x509', '-nodes', ...options.split(' '), ...subject], { stdio: 'ignore' })
      const { code, stderr } = await folder.run('gen-certs', '--out', place)
      if (place === 'ed') {
        expect([code, stderr]).toEqual([1, expect.stringContaining('its key is neither RSA nor ECDSA')])
        continue
      }
      const [leaf, authority] = ['localhost', 'ca'].map(name => certificate(folder.file(`${place}/${name}.pem`)))
      expect(leaf!.issuer).toBe(authority!.subject)
      expect(leaf!.verify(authority!.publicKey)).toBe(true)
    }
    copyFileSync(folder.file('p384/ca-key.pem'), folder.file('rsa/ca-key.pem'))
    expect(await folder.run('gen-certs', '--out', 'rsa', '--force')).toMatchObject({
      code: 1,
      stderr: 'sluice: rsa/ca.pem and rsa/ca-key.pem are no authority: the key does not fit the certificate\n',
    })
  })

  test('comes to an end where there can be no folder', async () => {
    await using folder = await Folder.make()
    expect(await folder.run('gen-certs', '--out', '/proc/certs')).toMatchObject({ code: 1 })
  })
})
