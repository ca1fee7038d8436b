import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../../engine/snapshot.ts'
import { certificatePath, storeCertificate } from '../../../src/certificates/acme/store.ts'
import { fillInTls, watchedFiles } from '../../../src/certificates/fill-in.ts'
import type { AcmeSettings, CertificateFiles, TlsFiles } from '../../../src/certificates/tls-files.ts'
import { createAuthority, type TestAuthority } from '../../support/certificates.ts'
import { testSnapshot } from '../../support/snapshot.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { listenerTls, upstreamTls } from '../../support/tls.ts'

let folder: TemporaryFolder
let authority: TestAuthority

beforeAll(async () => {
  folder = await temporaryFolder()
  authority = await createAuthority()
})

afterAll(() => folder[Symbol.asyncDispose]())

function file(name: string, text: string): string {
  writeFileSync(folder.file(name), text)
  return folder.file(name)
}

async function issued(name: string): Promise<CertificateFiles> {
  const { certificate, key } = await authority.issue({ names: [name] })
  return { certificate: file(`${name}.pem`, certificate + key), key: '', passphrase: '', ocsp: '' }
}

function acmeFor(...hosts: readonly string[]): AcmeSettings {
  return {
    directory: 'https://acme.test/directory',
    email: '',
    hosts,
    challenge: 'http-01',
    store: folder.file('store'),
    renewBeforeMs: 1000,
    keyType: 'ecdsa',
    ca: '',
    externalAccount: null,
  }
}

/** One of each that can have files: a listener with TLS, one without, an upstream with TLS. */
function emptySnapshot(): Snapshot {
  return testSnapshot({
    listeners: [{ tls: listenerTls({ clientAuth: { mode: 'require' } }) }, {}],
    upstreams: { api: { endpoints: [{ kind: 'tcp', host: '127.0.0.1', port: 1 }], tls: upstreamTls({}) } },
  })
}

async function filesOf(snapshot: Snapshot, acme: AcmeSettings | null = null): Promise<TlsFiles> {
  return {
    listeners: [
      {
        listener: snapshot.listeners[0]?.name ?? '',
        certificates: [await issued('one'), await issued('two')],
        clientCa: file('clients.pem', authority.certificate),
        clientCrl: file('revoked.pem', await authority.revoke()),
        acme,
      },
    ],
    upstreams: [
      { upstream: 'api', ca: file('origins.pem', authority.certificate), crl: '', certificate: await issued('proxy') },
    ],
  }
}

describe('what stands in files', () => {
  it('is put where it belongs, and nothing else is touched', async () => {
    const snapshot = emptySnapshot()
    const files = await filesOf(snapshot)
    const filled = fillInTls(snapshot, files)
    expect(filled.problems).toEqual([])
    const [secure, plain] = filled.snapshot.listeners
    expect(secure?.tls?.certificates.map(({ names }) => names)).toEqual([['one'], ['two']])
    expect(secure?.tls?.clientAuth).toMatchObject({ mode: 'require', ca: authority.certificate })
    expect(secure?.tls?.clientAuth.crl).toContain('X509 CRL')
    expect(plain).toBe(snapshot.listeners[1])
    const [api] = filled.snapshot.upstreams
    expect(api?.tls).toMatchObject({ ca: authority.certificate, crl: '' })
    expect([api?.tls?.chain, api?.tls?.key].map(text => text?.slice(0, 20))).toEqual([
      '-----BEGIN CERTIFICA',
      '-----BEGIN PRIVATE K',
    ])
    expect(filled.certificates.map(({ place, file: path }) => [place.side, place.index, path])).toEqual([
      ['listener', 0, folder.file('one.pem')],
      ['listener', 1, folder.file('two.pem')],
      ['upstream', 0, folder.file('proxy.pem')],
    ])
  })

  it('is put where connections are decrypted that are passed on, too', async () => {
    const snapshot = testSnapshot({ tcpListeners: [{ tls: listenerTls({ alpn: ['postgresql'] }) }, {}] })
    const [secure, plain] = snapshot.tcpListeners
    const certificates = [await issued('pg')]
    const listeners = [{ listener: secure?.name ?? '', certificates, clientCa: '', clientCrl: '', acme: null }]
    const filled = fillInTls(snapshot, { listeners, upstreams: [] })
    expect(filled.problems).toEqual([])
    expect(filled.snapshot.tcpListeners[0]?.tls).toMatchObject({
      alpn: ['postgresql'],
      certificates: [{ names: ['pg'] }],
    })
    expect(filled.snapshot.tcpListeners[1]).toBe(plain)
    expect(filled.certificates.map(({ place }) => place.name)).toEqual([secure?.name])
  })

  it('is watched, all of it, and nothing that stands in the configuration itself', async () => {
    const snapshot = emptySnapshot()
    const acme = acmeFor('a.test')
    const files = await filesOf(snapshot, acme)
    const names = ['one.pem', 'two.pem', 'clients.pem', 'revoked.pem', 'origins.pem', 'proxy.pem'].map(name =>
      folder.file(name),
    )
    expect(watchedFiles(files).toSorted()).toEqual([...names, certificatePath(acme)].toSorted())
    const written = [{ listener: 'web', certificates: [], clientCa: authority.certificate, clientCrl: '', acme: null }]
    expect(watchedFiles({ listeners: written, upstreams: [] })).toEqual([])
  })

  it('that has become bad stays as it was, each for itself', async () => {
    const snapshot = emptySnapshot()
    const files = await filesOf(snapshot)
    const before = fillInTls(snapshot, files)
    for (const name of ['two.pem', 'clients.pem', 'proxy.pem']) file(name, 'garbage')
    const next = await issued('one')
    const after = fillInTls(before.snapshot, files, before.certificates)
    expect(after.problems.map(({ part, place }) => [part, place.side, place.index])).toEqual([
      ['ca', 'listener', -1],
      ['certificate', 'listener', 1],
      ['certificate', 'upstream', 0],
    ])
    const [was] = before.snapshot.listeners
    const [is] = after.snapshot.listeners
    expect(is?.tls?.certificates[0]?.key).not.toBe(was?.tls?.certificates[0]?.key)
    expect(is?.tls?.certificates[1]).toEqual(was?.tls?.certificates[1])
    expect(is?.tls?.clientAuth).toEqual(was?.tls?.clientAuth)
    expect(after.snapshot.upstreams).toEqual(before.snapshot.upstreams)
    expect(after.certificates).toHaveLength(3)
    expect(next.certificate).toBe(folder.file('one.pem'))
  })

  it('of a store stands in for one with more names until that is issued, and for no other', async () => {
    const snapshot = emptySnapshot()
    const [one, both, other] = [acmeFor('old.test'), acmeFor('new.test', 'old.test'), acmeFor('other.test')]
    const { certificate, key } = await authority.issue({ names: ['old.test'] })
    storeCertificate(one, certificate, key)
    const ended = await authority.issue({ names: ['old.test', 'new.test'], notAfter: new Date(Date.now() - 1) })
    storeCertificate(acmeFor('ended.test'), ended.certificate, ended.key)
    const namesWith = async (acme: AcmeSettings) => {
      const { certificates } = fillInTls(snapshot, await filesOf(snapshot, acme))
      return certificates.filter(({ source }) => source === 'acme').map(({ facts }) => facts.names)
    }
    expect(await namesWith(both)).toEqual([['old.test']])
    expect(await namesWith(other)).toEqual([])
    const fresh = await authority.issue({ names: ['new.test', 'old.test'] })
    storeCertificate(both, fresh.certificate, fresh.key)
    expect(await namesWith(both)).toEqual([['new.test', 'old.test']])
  })

  it('of a store comes behind the others once it is there, and is no reason not to start where it is bad', async () => {
    const snapshot = emptySnapshot()
    const acme = acmeFor('b.test')
    const files = await filesOf(snapshot, acme)
    expect(fillInTls(snapshot, files).snapshot.listeners[0]?.tls?.certificates).toHaveLength(2)
    const { certificate, key } = await authority.issue({ names: ['b.test'] })
    storeCertificate(acme, certificate, key)
    const filled = fillInTls(snapshot, files)
    expect(filled.certificates[2]).toMatchObject({ source: 'acme', renewBeforeMs: 1000, place: { index: 2 } })
    storeCertificate(acme, certificate, 'garbage')
    const { problems } = fillInTls(snapshot, files)
    expect(problems.map(({ severity }) => severity)).toEqual(['warning'])
    expect(fillInTls(filled.snapshot, files, filled.certificates).snapshot).toEqual(filled.snapshot)
  })
})
