import { once } from 'node:events'
import { createServer } from 'node:https'
import { describe, expect, it } from 'vitest'
import type { ChallengesSnapshot } from '../../../../engine/snapshot.ts'
import { AcmeError } from '../../../../src/certificates/acme/acme-error.ts'
import { orderCertificate } from '../../../../src/certificates/acme/order.ts'
import { storeAccount } from '../../../../src/certificates/acme/store.ts'
import type { AcmeSettings } from '../../../../src/certificates/tls-files.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { freePort } from '../../../support/free-port.ts'
import { listenOn } from '../../../support/listen.ts'
import { startPebble } from '../../../support/pebble.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../support/temporary-folder.ts'

/** What becomes of orders that come to nothing. Those that come to something are the matter of `pebble.test.ts`. */

function settingsFor(folder: TemporaryFolder, given: Partial<AcmeSettings>): AcmeSettings {
  return {
    directory: '',
    email: '',
    hosts: ['a.acme.test'],
    challenge: 'http-01',
    store: folder.path,
    renewBeforeMs: 1,
    keyType: 'ecdsa',
    ca: '',
    externalAccount: null,
    ...given,
  }
}

async function failureOf(settings: AcmeSettings, presented: ChallengesSnapshot[] = []): Promise<AcmeError> {
  const present = async (challenges: ChallengesSnapshot) => void presented.push(challenges)
  const error = await orderCertificate(settings, { present, pollMs: 50 }).catch((caught: unknown) => caught)
  if (error instanceof AcmeError) return error
  throw new Error('it was issued')
}

describe('an order', () => {
  it('of a name that does not lead here fails with the words of the authority, and leaves nothing to be answered', async () => {
    await using folder = await temporaryFolder()
    await using pebble = await startPebble()
    await pebble.setAddress('a.acme.test', '127.0.0.9')
    const presented: ChallengesSnapshot[] = []
    const settings = settingsFor(folder, { directory: pebble.directory, ca: pebble.ca })
    const { message } = await failureOf(settings, presented)
    expect(message).toMatch(/^a\.acme\.test was not proved by http-01: .*127\.0\.0\.9.*refused/)
    const token = {
      token: expect.stringMatching(/^[\w-]{20,}$/),
      content: expect.stringMatching(/^[\w-]{20,}\.[\w-]{43}$/),
    }
    expect(presented).toEqual([
      { http: [token], tls: [] },
      { http: [], tls: [] },
    ])
    // The account that it has opened is used again.
    const again = await failureOf({ ...settings, challenge: 'tls-alpn-01' })
    expect(again.message).toMatch(/^a\.acme\.test was not proved by tls-alpn-01: /)
    expect(pebble.log.match(/There are now \d+ accounts in memory/g)).toEqual(['There are now 1 accounts in memory'])
  })

  it('to an authority that cannot be reached, or that nobody vouches for, fails with the reason', async () => {
    await using folder = await temporaryFolder()
    const closed = `https://localhost:${await freePort()}/directory`
    expect((await failureOf(settingsFor(folder, { directory: closed }))).message).toMatch(/ECONNREFUSED/)
    await using limited = await limitedAuthority()
    const { directory } = limited
    const { message } = await failureOf(settingsFor(folder, { directory }))
    expect(message).toBe('its own server is not trusted: name the authority that vouches for that in "ca"')
  })

  it('is not led elsewhere, and reads no end of what it is told', async () => {
    await using folder = await temporaryFolder()
    await using limited = await limitedAuthority()
    const at = (path: string) => settingsFor(folder, { ...limited, directory: new URL(path, limited.directory).href })
    expect((await failureOf(at('/elsewhere'))).message).toMatch(/elsewhere leads elsewhere, which is not followed$/)
    expect((await failureOf(at('/endless'))).message).toMatch(/maxContentLength/)
  })

  it('opens another account where the one in the store is none', async () => {
    await using folder = await temporaryFolder()
    await using limited = await limitedAuthority()
    const settings = settingsFor(folder, limited)
    storeAccount(settings, { url: limited.directory, key: 'garbage' })
    expect((await failureOf(settings)).message).toBe('too many new accounts')
  })

  it('to an authority that has had too many knows how long to wait', async () => {
    await using folder = await temporaryFolder()
    await using limited = await limitedAuthority()
    const error = await failureOf(settingsFor(folder, limited))
    expect([error.message, error.retryAfterMs]).toEqual(['too many new accounts', 7_200_000])
  })
})

/** It has a directory and nonces, and no place for anybody. */
async function limitedAuthority() {
  const authority = await createAuthority()
  const { chain: cert, key } = await authority.issue()
  const server = createServer({ cert, key }, (request, response) => {
    const base = `https://localhost:${port}`
    response.setHeader('replay-nonce', 'abc')
    if (request.url === '/directory') {
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({ newNonce: `${base}/nonce`, newAccount: `${base}/account`, newOrder: `${base}/order` }),
      )
    } else if (request.url === '/elsewhere') {
      response.writeHead(302, { location: `http://localhost:${port}/directory` }).end()
    } else if (request.url === '/endless') {
      const more = (error?: Error | null) => error || response.write(Buffer.alloc(65_536), more)
      more()
    } else if (request.url === '/nonce') {
      response.end()
    } else {
      response.writeHead(429, { 'retry-after': '7200', 'content-type': 'application/problem+json' })
      response.end(JSON.stringify({ type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many new accounts' }))
    }
  })
  const { port } = await listenOn(server)
  return {
    directory: `https://localhost:${port}/directory`,
    ca: authority.certificate,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
