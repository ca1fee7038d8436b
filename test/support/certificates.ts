import { Authority, createSelfSigned, type KeyPairTexts, type Wanted } from '../../src/certificates/create.ts'

/** Certificates for tests: authorities, what they issue, and what they revoke. All texts are PEM. */

const DAY_MS = 24 * 60 * 60 * 1000

export interface TestCertificate extends KeyPairTexts {
  /** The leaf with what leads to the root, which is not among it. */
  readonly chain: string
}

/** What is left out is that of a certificate for `localhost` that begins an hour ago and ends in 30 days. */
export type TestWanted = Partial<Wanted>

export class TestAuthority {
  readonly #authority: Authority
  /** Its own certificate: what clients trust. */
  readonly certificate: string
  readonly key: string
  readonly #above: string

  constructor(authority: Authority, above: string) {
    this.#authority = authority
    this.certificate = authority.texts.certificate
    this.key = authority.texts.key
    this.#above = above
  }

  async issue(wanted: TestWanted = {}): Promise<TestCertificate> {
    const issued = await this.#authority.issue(withDefaults(wanted))
    return { ...issued, chain: issued.certificate + this.#above }
  }

  /** For a client, with a common name. */
  async issueClient(commonName: string, wanted: TestWanted = {}): Promise<TestCertificate> {
    return await this.issue({ names: [], ...wanted, commonName, isForClient: true })
  }

  /** One that ended yesterday. */
  async issueExpired(wanted: TestWanted = {}): Promise<TestCertificate> {
    const now = Date.now()
    return await this.issue({ notBefore: new Date(now - 10 * DAY_MS), notAfter: new Date(now - DAY_MS), ...wanted })
  }

  /** A revocation list of certificates that it has issued. */
  async revoke(...certificates: readonly string[]): Promise<string> {
    return await this.#authority.revoke(certificates, inDays(30))
  }

  /** An authority below it. */
  async issueAuthority(commonName = 'Test intermediate', wanted: TestWanted = {}): Promise<TestAuthority> {
    const below = await Authority.create({ notAfter: inDays(60), ...wanted, commonName }, this.#authority)
    return new TestAuthority(below, below.texts.certificate + this.#above)
  }
}

export async function createAuthority(commonName = 'Test authority', wanted: TestWanted = {}): Promise<TestAuthority> {
  return new TestAuthority(await Authority.create({ notAfter: inDays(365), ...wanted, commonName }), '')
}

/** One that vouches for itself. */
export async function selfSigned(wanted: TestWanted = {}): Promise<TestCertificate> {
  const texts = await createSelfSigned(withDefaults(wanted))
  return { ...texts, chain: texts.certificate }
}

function withDefaults(wanted: TestWanted): Wanted {
  return { names: ['localhost'], notAfter: inDays(30), ...wanted }
}

export function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS)
}
