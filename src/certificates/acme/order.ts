import { Agent } from 'node:https'
import { getCACertificates } from 'node:tls'
import * as acme from 'acme-client'
import type { ChallengesSnapshot } from '../../../engine/snapshot.ts'
import { readAuthorities } from '../read-certificate.ts'
import type { AcmeSettings, ChallengeKind } from '../tls-files.ts'
import { AcmeError } from './acme-error.ts'
import { forgetAccount, readAccount, storeAccount } from './store.ts'

/** Has one certificate issued (RFC 8555, section 7): account, order, challenges, certificate. */

export interface IssuedCertificate {
  /** PEM, the leaf first. */
  readonly chain: string
  readonly key: string
}

export interface OrderOptions {
  /** Resolves when whoever may be asked answers with these, and with no others. */
  readonly present: (challenges: ChallengesSnapshot) => Promise<void>
  /** Milliseconds between two questions whether the authority is through, at first. */
  readonly pollMs: number
}

const NO_CHALLENGES: ChallengesSnapshot = { http: [], tls: [] }

/** What the authority gets to answer one request. */
const REQUEST_MS = 30_000
/** Questions whether it is through, with pauses that grow to ten seconds: some minutes in all. */
const POLLS_MAX = 24
const POLL_MS_MAX = 10_000
const RSA_BITS = 2048
/** What the authority may say at once: a chain of certificates is a hundredth of it. Past it the order fails. */
const RESPONSE_BYTES_MAX = 1024 * 1024

/*
 * The library's own retries, which it has put first, are taken out: when to try again is for the issuer to say, hours later if
 * need be. (They also lose the reason where there is no response.)
 */
acme.axios.interceptors.request.eject(0)
acme.axios.interceptors.response.eject(0)

/** To be called once in a process: the library has one way to the network for all. @throws {AcmeError} with what the authority says. */
export async function orderCertificate(settings: AcmeSettings, options: OrderOptions): Promise<IssuedCertificate> {
  const waiting = new WaitingTimes(settings)
  try {
    const client = await openAccount(settings, options)
    return await order(client, settings, options)
  } catch (error) {
    throw AcmeError.of(isUntrusted(error) ? UNTRUSTED : error, waiting.retryAfterMs)
  } finally {
    waiting.close()
  }
}

const UNTRUSTED = 'its own server is not trusted: name the authority that vouches for that in "ca"'

/** Node's words for it are about Node. */
function isUntrusted(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code)
}

function systemAuthorities(): string[] {
  const system = getCACertificates('system')
  return system.length > 0 ? system : getCACertificates('bundled')
}

/** The library's way to the network, set up for one authority; it knows what that asks for in `Retry-After`. */
class WaitingTimes {
  retryAfterMs = 0
  readonly #agent: Agent
  readonly #interceptor: number

  constructor({ ca }: AcmeSettings) {
    const { pem } = readAuthorities(ca)
    this.#agent = new Agent({ keepAlive: true, ca: pem === '' ? systemAuthorities() : pem })
    const { axios } = acme
    axios.defaults.httpsAgent = this.#agent
    axios.defaults.timeout = REQUEST_MS
    axios.defaults.maxContentLength = RESPONSE_BYTES_MAX
    // It would lead away from https as well.
    axios.defaults.maxRedirects = 0
    this.#interceptor = axios.interceptors.response.use(response => {
      if (response.status >= 300 && response.status < 400) {
        throw new AcmeError(`${response.config.url} leads elsewhere, which is not followed`)
      }
      if (response.status === 429 || response.status === 503) this.#read(response.headers['retry-after'])
      return response
    })
  }

  /** Seconds, or a date (RFC 9110, section 10.2.3). */
  #read(value: unknown): void {
    if (typeof value !== 'string') return
    const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
    if (ms > 0) this.retryAfterMs = ms
  }

  close(): void {
    acme.axios.interceptors.response.eject(this.#interceptor)
    this.#agent.destroy()
  }
}

async function openAccount(settings: AcmeSettings, options: OrderOptions): Promise<acme.Client> {
  const known = readAccount(settings)
  if (known !== null) {
    const client = clientOf(settings, options, known.key, known.url)
    if (await isKnown(client)) return client
    forgetAccount(settings)
  }
  const key = (await acme.crypto.createPrivateEcdsaKey()).toString()
  const client = clientOf(settings, options, key)
  const contact = settings.email === '' ? {} : { contact: [`mailto:${settings.email}`] }
  await client.createAccount({ termsOfServiceAgreed: true, ...contact })
  storeAccount(settings, { url: client.getAccountUrl(), key })
  return client
}

/** An authority may have lost an account, or closed it. */
async function isKnown(client: acme.Client): Promise<boolean> {
  try {
    const { status } = await client.updateAccount()
    return status === 'valid'
  } catch (error) {
    if (error instanceof Error && /account|not registered|unauthori[sz]ed/i.test(error.message)) return false
    throw error
  }
}

function clientOf(settings: AcmeSettings, { pollMs }: OrderOptions, key: string, url?: string): acme.Client {
  const { directory, externalAccount } = settings
  return new acme.Client({
    directoryUrl: directory,
    accountKey: key,
    ...(url !== undefined && { accountUrl: url }),
    ...(externalAccount !== null && {
      externalAccountBinding: { kid: externalAccount.keyId, hmacKey: externalAccount.hmacKey },
    }),
    backoffAttempts: POLLS_MAX,
    backoffMin: pollMs,
    backoffMax: POLL_MS_MAX,
  })
}

async function order(client: acme.Client, settings: AcmeSettings, options: OrderOptions): Promise<IssuedCertificate> {
  const { hosts, keyType } = settings
  const placed = await client.createOrder({ identifiers: hosts.map(value => ({ type: 'dns', value })) })
  await proveNames(client, await client.getAuthorizations(placed), settings, options)
  const key =
    keyType === 'rsa' ? await acme.crypto.createPrivateRsaKey(RSA_BITS) : await acme.crypto.createPrivateEcdsaKey()
  const [, request] = await acme.crypto.createCsr({ altNames: [...hosts] }, key)
  const finalized = await client.finalizeOrder(placed, request)
  return { chain: await client.getCertificate(finalized), key: key.toString() }
}

interface Proof {
  readonly name: string
  readonly authorization: acme.Authorization
  readonly challenge: acme.Authorization['challenges'][number]
  readonly keyAuthorization: string
}

/** Those that the authority has seen before need no proof. */
async function proveNames(
  client: acme.Client,
  authorizations: readonly acme.Authorization[],
  { challenge: kind }: AcmeSettings,
  { present }: OrderOptions,
): Promise<void> {
  const proofs: Proof[] = []
  for (const authorization of authorizations) {
    if (authorization.status === 'valid') continue
    const name = authorization.identifier.value
    const challenge = authorization.challenges.find(({ type }: { type: string }) => type === kind)
    if (challenge === undefined) throw new AcmeError(`the authority offers no ${kind} for ${name}`)
    proofs.push({
      name,
      authorization,
      challenge,
      keyAuthorization: await client.getChallengeKeyAuthorization(challenge),
    })
  }
  if (proofs.length === 0) return
  try {
    await present(await challengesOf(kind, proofs))
    await Promise.all(proofs.map(proof => prove(client, proof)))
  } finally {
    await present(NO_CHALLENGES)
  }
}

async function prove(client: acme.Client, { name, challenge }: Proof): Promise<void> {
  try {
    await client.completeChallenge(challenge)
    await client.waitForValidStatus(challenge)
  } catch (error) {
    throw new AcmeError(
      `${name} was not proved by ${challenge.type}: ${error instanceof Error ? error.message : error}`,
    )
  }
}

async function challengesOf(kind: ChallengeKind, proofs: readonly Proof[]): Promise<ChallengesSnapshot> {
  if (kind === 'http-01') {
    return {
      http: proofs.map(({ challenge, keyAuthorization }) => ({ token: challenge.token, content: keyAuthorization })),
      tls: [],
    }
  }
  const tls = await Promise.all(
    proofs.map(async ({ name, authorization, keyAuthorization }) => {
      const ownKey = await acme.crypto.createPrivateEcdsaKey()
      const [key, chain] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization, ownKey)
      return { name: name.toLowerCase(), chain: chain.toString(), key: key.toString() }
    }),
  )
  return { http: [], tls }
}
