import { createPrivateKey, createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509'

/** Makes certificates: a local authority, and what it issues. Keys are those of Node's own crypto. */

/** A certificate with its key, both in PEM. */
export interface KeyPairTexts {
  readonly certificate: string
  readonly key: string
}

export interface Wanted {
  /** Host names and addresses. The first is the common name, too, unless `commonName` says another. */
  readonly names: readonly string[]
  readonly commonName?: string
  readonly keyType?: 'rsa' | 'ecdsa'
  /** For clients to say who they are, instead of servers. */
  readonly isForClient?: boolean
  readonly notBefore?: Date
  readonly notAfter: Date
  /** Of RSA keys. */
  readonly keyBits?: number
  /** Extensions beside the usual ones. */
  readonly extensions?: readonly Extension[]
}

/** What is issued begins earlier than now: clocks differ. */
const EARLIER_MS = 60 * 60 * 1000

/** An authority can issue, and revoke what it has issued. */
export class Authority {
  readonly #certificate: X509Certificate
  readonly #keys: webcrypto.CryptoKeyPair
  /** Its own, in PEM. */
  readonly texts: KeyPairTexts

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair, texts: KeyPairTexts) {
    this.#certificate = certificate
    this.#keys = keys
    this.texts = texts
  }

  /** A new one, self-signed; or with `issuer`, below that. */
  static async create(
    { commonName = 'Authority', notBefore, notAfter, keyType = 'ecdsa', keyBits }: Omit<Wanted, 'names'>,
    issuer: Authority | null = null,
  ): Promise<Authority> {
    const keys = await createKeys(keyType, keyBits)
    const issuerKeys = issuer === null ? keys : issuer.#keys
    const certificate = await X509CertificateGenerator.create({
      ...validity(notBefore, notAfter),
      serialNumber: newSerialNumber(),
      subject: nameOf(commonName),
      issuer: issuer === null ? nameOf(commonName) : issuer.#certificate.subjectName,
      publicKey: keys.publicKey,
      signingKey: issuerKeys.privateKey,
      signingAlgorithm: signingAlgorithm(issuerKeys.privateKey),
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(
          KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
          true,
        ),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(issuerKeys.publicKey),
      ],
    })
    return new Authority(certificate, keys, { certificate: pemOf(certificate), key: await keyText(keys.privateKey) })
  }

  /** One that was made earlier. @throws {Error} where the texts are no authority's, or do not fit each other. */
  static async open(texts: KeyPairTexts): Promise<Authority> {
    const certificate = new X509Certificate(texts.certificate)
    const keyObject = createPrivateKey(texts.key)
    const algorithm = algorithmOf(keyObject)
    if (!createPublicKey(keyObject).equals(createPublicKey(texts.certificate))) {
      throw new Error('the key does not fit the certificate')
    }
    const key = keyObject.export({ type: 'pkcs8', format: 'der' })
    const privateKey = await crypto.subtle.importKey('pkcs8', key, algorithm, true, ['sign'])
    const publicKey = await certificate.publicKey.export(algorithm, ['verify'])
    return new Authority(certificate, { privateKey, publicKey }, texts)
  }

  async issue(wanted: Wanted): Promise<KeyPairTexts> {
    const keys = await createKeys(wanted.keyType ?? 'ecdsa', wanted.keyBits)
    const certificate = await X509CertificateGenerator.create({
      ...validity(wanted.notBefore, wanted.notAfter),
      serialNumber: newSerialNumber(),
      subject: nameOf(commonNameOf(wanted)),
      issuer: this.#certificate.subjectName,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signingAlgorithm(this.#keys.privateKey),
      extensions: [
        ...leafExtensions(wanted, wanted.keyType ?? 'ecdsa'),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
      ],
    })
    return { certificate: pemOf(certificate), key: await keyText(keys.privateKey) }
  }

  /** A revocation list in PEM, of certificates in PEM. */
  async revoke(
    certificates: readonly string[],
    nextUpdate: Date,
    thisUpdate = new Date(Date.now() - EARLIER_MS),
  ): Promise<string> {
    const list = await X509CrlGenerator.create({
      issuer: this.#certificate.subjectName,
      thisUpdate,
      nextUpdate,
      entries: certificates.map(text => ({
        serialNumber: new X509Certificate(text).serialNumber,
        revocationDate: thisUpdate,
      })),
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signingAlgorithm(this.#keys.privateKey),
      extensions: [await AuthorityKeyIdentifierExtension.create(this.#keys.publicKey)],
    })
    return withNewline(PemConverter.encode(list.rawData, 'X509 CRL'))
  }
}

/** One that vouches for itself. */
export async function createSelfSigned(wanted: Wanted): Promise<KeyPairTexts> {
  const keys = await createKeys(wanted.keyType ?? 'ecdsa', wanted.keyBits)
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(wanted.notBefore, wanted.notAfter),
    serialNumber: newSerialNumber(),
    name: nameOf(commonNameOf(wanted)),
    keys,
    signingAlgorithm: signingAlgorithm(keys.privateKey),
    extensions: leafExtensions(wanted, wanted.keyType ?? 'ecdsa'),
  })
  return { certificate: pemOf(certificate), key: await keyText(keys.privateKey) }
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
/** Curves as OpenSSL calls them, and as the web does. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }
const PUBLIC_EXPONENT = new Uint8Array([1, 0, 1])

async function createKeys(keyType: 'rsa' | 'ecdsa', bits = 2048): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = keyType === 'rsa' ? { ...RSA, modulusLength: bits, publicExponent: PUBLIC_EXPONENT } : P256
  return await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

/** @throws {Error} for keys that nothing is issued with here. */
function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): typeof RSA | webcrypto.EcKeyImportParams {
  if (asymmetricKeyType === 'rsa') return RSA
  const namedCurve = CURVES[asymmetricKeyDetails?.namedCurve ?? '']
  if (namedCurve === undefined) throw new Error('its key is neither RSA nor ECDSA with P-256, P-384 or P-521')
  return { name: 'ECDSA', namedCurve }
}

function signingAlgorithm({ algorithm }: webcrypto.CryptoKey): typeof RSA | { name: 'ECDSA'; hash: 'SHA-256' } {
  return algorithm.name === 'ECDSA' ? { name: 'ECDSA', hash: 'SHA-256' } : RSA
}

function validity(notBefore = new Date(Date.now() - EARLIER_MS), notAfter: Date): { notBefore: Date; notAfter: Date } {
  return { notBefore, notAfter }
}

/** 16 random bytes, the first such that it stays a positive number of that length. */
function newSerialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return Buffer.from(bytes).toString('hex')
}

/** Text as it is: the library's own shorthand takes `#`, commas and quotes for more than they are. */
function nameOf(commonName: string): Name {
  return new Name([{ CN: [{ utf8String: commonName }] }])
}

/** A common name has 64 characters at most (RFC 5280, appendix A.1). */
function commonNameOf({ commonName, names }: Wanted): string {
  return (commonName ?? names[0] ?? 'certificate').slice(0, 64)
}

function leafExtensions(
  { names, isForClient = false, extensions = [] }: Wanted,
  keyType: 'rsa' | 'ecdsa',
): Extension[] {
  const usages = KeyUsageFlags.digitalSignature | (keyType === 'rsa' ? KeyUsageFlags.keyEncipherment : 0)
  const alternatives = names.map(name => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name }))
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(usages, true),
    new ExtendedKeyUsageExtension([isForClient ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth]),
    ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternatives)]),
    ...extensions,
  ]
}

function pemOf(certificate: X509Certificate): string {
  return withNewline(certificate.toString('pem'))
}

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  return withNewline(PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), PemConverter.PrivateKeyTag))
}

function withNewline(text: string): string {
  return `${text.trimEnd()}\n`
}
