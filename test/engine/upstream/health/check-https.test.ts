import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ActiveCheckSnapshot } from '../../../../engine/snapshot.ts'
import { openHttpsProbe } from '../../../../engine/upstream/health/check-https.ts'
import { ok } from '../../../support/heads.ts'
import { type Listening, listenOn } from '../../../support/listen.ts'
import { refusingPort } from '../../../support/refusing-port.ts'
import { scriptedOrigin } from '../../../support/scripted-origin.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { checkOnce, openConnections } from './checks.ts'

const trusted = getCACertificates('default')
let folder: TemporaryFolder
let origin: Listening
let unixOrigin: Listening
let certificate: string
/** What clients asked for by SNI, `false` for nothing. */
const names: (string | false | null)[] = []
let before = 0

beforeAll(async () => {
  folder = await temporaryFolder()
  const [keyPath, certificatePath] = [folder.file('key.pem'), folder.file('cert.pem')]
  const self = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const alternatives = 'subjectAltName=DNS:origin.test,DNS:localhost,IP:127.0.0.1'
  const subject = ['-subj', '/CN=origin.test', '-addext', alternatives]
  execFileSync('openssl', [...self, ...subject, '-keyout', keyPath, '-out', certificatePath], { stdio: 'pipe' })
  certificate = readFileSync(certificatePath, 'utf8')
  const options = { key: readFileSync(keyPath, 'utf8'), cert: certificate }
  const server = () =>
    createServer(options, (request, response) => {
      response.statusCode = request.url === '/busy' ? 503 : 200
      response.end('fine')
    }).on('secureConnection', socket => names.push(socket.servername))
  origin = await listenOn(server())
  unixOrigin = await listenOn(server(), folder.file('origin.sock'))
  before = openConnections()
})

afterAll(async () => {
  setDefaultCACertificates(trusted)
  await origin.close()
  await unixOrigin.close()
  await folder[Symbol.asyncDispose]()
})

beforeEach(() => names.splice(0))
afterEach(() => waitFor(() => openConnections() <= before, 'every connection to be closed'))

async function outcome(changes: Partial<ActiveCheckSnapshot>, host?: string, address = origin.address) {
  const { outcome: found } = await checkOnce(openHttpsProbe, address, { type: 'https', ...changes }, host)
  return `${found.passed ? 'passed' : 'failed'}: ${found.reason}`
}

describe('a check over HTTPS', () => {
  it('fails where nobody trusts the certificate, and says so', async () => {
    expect(await outcome({})).toBe('failed: certificate not accepted: self-signed certificate')
  })

  it('takes any certificate where it is not to be verified', async () => {
    expect(await outcome({ verify: false }, 'somebody.test')).toBe('passed: status 200')
    expect(await outcome({ verify: false, path: '/busy' })).toBe('failed: status 503')
    expect(await outcome({ verify: false, content: '^fine$' })).toBe('passed: status 200')
    expect(await outcome({ verify: false, content: 'bad' })).toBe('failed: content does not match')
  })

  describe('where the certificate is trusted', () => {
    beforeAll(() => setDefaultCACertificates([...trusted, certificate]))
    afterAll(() => setDefaultCACertificates(trusted))

    it('asks for the name of the endpoint, whatever Host says, and checks it', async () => {
      expect(await outcome({ host: 'api.example' })).toBe('passed: status 200')
      expect(await outcome({}, 'localhost:8443')).toBe('passed: status 200')
      expect(names).toEqual(['origin.test', 'localhost'])
      expect(await outcome({}, 'other.test')).toMatch(/^failed: certificate not accepted: .*other\.test/)
    })

    it('takes the name of the configuration before that', async () => {
      expect(await outcome({ serverName: 'localhost' }, 'other.test')).toBe('passed: status 200')
      expect(await outcome({ serverName: 'other.test' })).toMatch(/^failed: certificate not accepted: /)
      expect(names).toContain('localhost')
    })

    it('checks an IP address without asking for it by name', async () => {
      expect(await outcome({}, '127.0.0.1:443')).toBe('passed: status 200')
      expect(await outcome({}, '[::1]:443')).toMatch(/^failed: certificate not accepted: .*::1/)
      expect(new Set(names)).toEqual(new Set([false]))
    })

    it('goes over a unix socket', async () => {
      expect(await outcome({}, 'localhost', unixOrigin.address)).toBe('passed: status 200')
    })
  })

  it('fails where the origin speaks no TLS', async () => {
    await using plain = await scriptedOrigin(connection => connection.send(ok('')))
    expect(await outcome({ verify: false }, undefined, plain.address)).toMatch(/^failed: (?:ERR_SSL_|EPROTO)/)
  })

  it('fails where the origin closes, resets or says nothing in the handshake', async () => {
    await using closing = await scriptedOrigin(async connection => connection.close())
    expect(await outcome({}, undefined, closing.address)).toMatch(/^failed: (?:connection closed before|ECONNRESET)/)
    await using resetting = await scriptedOrigin(async connection => {
      await connection.expectBytes(10)
      connection.reset()
    })
    expect(await outcome({}, undefined, resetting.address)).toMatch(/^failed: (?:connection closed before|ECONNRESET)/)
    await using silent = await scriptedOrigin(connection => connection.stall())
    expect(await outcome({ timeoutMs: 100 }, undefined, silent.address)).toBe('failed: timeout after 100ms')
    await using nobody = await refusingPort()
    expect(await outcome({}, undefined, nobody.address)).toBe('failed: ECONNREFUSED')
  })
})
