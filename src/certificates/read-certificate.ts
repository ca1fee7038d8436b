import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { CertificateSnapshot } from '../../engine/snapshot.ts'
import { readRevocationList } from './crl.ts'
import { type CertificateFacts, factsOf } from './facts.ts'
import { readOcspResponse } from './ocsp.ts'
import {
  blocksOf,
  bytesOf,
  isCertificate,
  isCutShort,
  isPrivateKey,
  isText,
  type PemBlock,
  SourceError,
  textOf,
} from './pem.ts'
import type { CertificatePart, CertificateProblem, CertificateProblemKind } from './problems.ts'
import type { CertificateFiles, PemSource } from './tls-files.ts'

/** Reads certificates, keys, authorities and revocation lists, and says what is wrong with them, all at once. */

/** What browsers and authorities ask for (CA/Browser Forum, Baseline Requirements, section 6.1.5). */
const RSA_BITS_MIN = 2048

export interface CertificateReading {
  /** `null` where an error is among the problems. */
  readonly certificate: CertificateSnapshot | null
  /** Of the leaf; `null` where it cannot be read. */
  readonly facts: CertificateFacts | null
  readonly problems: readonly CertificateProblem[]
}

/** `nowMs`, since the epoch, is what validity is judged by. */
export function readCertificate(files: CertificateFiles, nowMs: number = Date.now()): CertificateReading {
  const problems: CertificateProblem[] = []
  const chain = readChain(files.certificate, problems)
  const [leaf] = chain
  // What is wrong with a file that both stand in was told with the certificate.
  const key = leaf === undefined && files.key === '' ? null : readKey(files, problems)
  if (leaf === undefined) return { certificate: null, facts: null, problems }
  const facts = factsOf(leaf.certificate)
  const about = new Teller(problems, 'certificate', files.certificate)
  judgeLeaf(facts, about, nowMs)
  judgeOrder(chain, about)
  if (key !== null && !leaf.certificate.checkPrivateKey(key)) {
    const hint = 'each certificate has a key of its own: one of the two is another pair’s'
    new Teller(problems, 'key', files.key || files.certificate).error(
      'mismatch',
      'it does not fit the certificate',
      hint,
    )
  }
  const ocsp = files.ocsp === '' ? null : readOcsp(files.ocsp, leaf.certificate, problems, nowMs)
  const { keyType } = facts
  if (key === null || keyType === 'other' || problems.some(({ severity }) => severity === 'error')) {
    return { certificate: null, facts, problems }
  }
  const certificate = {
    chain: chain.map(({ text }) => text).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    names: facts.names,
    keyType,
    ocsp,
  }
  return { certificate, facts, problems }
}

export interface PemReading {
  /** Empty where an error is among the problems. */
  readonly pem: string
  readonly problems: readonly CertificateProblem[]
}

/** Authorities that are trusted: one certificate or more. Empty for an empty source. */
export function readAuthorities(source: PemSource): PemReading {
  if (source === '') return { pem: '', problems: [] }
  const problems: CertificateProblem[] = []
  const chain = readBlocks(source, 'ca', problems)
  return { pem: problems.length > 0 ? '' : chain.map(({ text }) => text).join(''), problems }
}

/** Revocation lists in PEM. Empty for an empty source. `nowMs`, since the epoch, is what their time is judged by. */
export function readRevocationLists(source: PemSource, nowMs: number = Date.now()): PemReading {
  if (source === '') return { pem: '', problems: [] }
  const problems: CertificateProblem[] = []
  const about = new Teller(problems, 'crl', source)
  const text = about.read()
  if (text === null) return { pem: '', problems }
  const lists = blocksOf(text).filter(({ label }) => label === 'X509 CRL')
  if (isCutShort(text)) about.error('cut_short', 'it ends in the middle of a block')
  else if (lists.length === 0) {
    const hint = 'one in DER becomes PEM by: openssl crl -inform DER -in FILE -out FILE.pem'
    about.error('malformed', 'it has no revocation list in PEM', hint)
  }
  for (const list of lists) judgeList(list, about, nowMs)
  const isUsable = problems.every(({ severity }) => severity === 'warning')
  return { pem: isUsable ? lists.map(list => list.text).join('') : '', problems }
}

function judgeList({ text }: PemBlock, about: Teller, nowMs: number): void {
  const list = readRevocationList(Buffer.from(text.replaceAll(/-----[^-]*-----/g, ''), 'base64'))
  if (list === null) about.error('malformed', 'it cannot be read as a revocation list')
  else if (list.nextUpdateMs <= nowMs) {
    const hint = 'nobody whom its authority vouches for gets in until there is a new one'
    about.warn('expired', `it ended on ${dateOf(list.nextUpdateMs)}`, hint)
  }
}

interface ChainLink {
  readonly certificate: X509Certificate
  readonly text: string
}

/** Empty where there is none, which is told then. */
function readChain(source: PemSource, problems: CertificateProblem[]): ChainLink[] {
  return readBlocks(source, 'certificate', problems)
}

function readBlocks(source: PemSource, part: 'certificate' | 'ca', problems: CertificateProblem[]): ChainLink[] {
  const about = new Teller(problems, part, source)
  const text = about.read()
  if (text === null) return []
  if (isCutShort(text)) {
    about.error('cut_short', 'it ends in the middle of a block')
    return []
  }
  const blocks = blocksOf(text).filter(isCertificate)
  if (blocks.length === 0) {
    const hint = 'one in DER becomes PEM by: openssl x509 -inform DER -in FILE -out FILE.pem'
    about.error('malformed', 'it has no certificate in PEM', hint)
  }
  const links: ChainLink[] = []
  for (const [index, block] of blocks.entries()) {
    try {
      links.push({ certificate: new X509Certificate(block.text), text: block.text })
    } catch {
      const which = blocks.length === 1 ? 'it' : `the ${ordinal(index + 1)} of its certificates`
      about.error('malformed', `${which} cannot be read as a certificate`)
      return []
    }
  }
  return links
}

function ordinal(place: number): string {
  return ['first', 'second', 'third', 'fourth', 'fifth'][place - 1] ?? `${place}th`
}

/** `null` where it cannot be had, which is told then. */
function readKey(files: CertificateFiles, problems: CertificateProblem[]): KeyObject | null {
  const about = new Teller(problems, 'key', files.key || files.certificate)
  const text = about.read()
  if (text === null) return null
  const block = blocksOf(text).find(isPrivateKey)
  if (block === undefined) {
    if (isCutShort(text)) about.error('cut_short', 'it ends in the middle of a block')
    else if (files.key === '') about.error('malformed', 'no key stands beside the certificate', 'name its file: "key"')
    else about.error('malformed', 'it has no private key in PEM')
    return null
  }
  return parseKey(block.text, files.passphrase, about)
}

function parseKey(text: string, passphrase: string, about: Teller): KeyObject | null {
  const isEncrypted = /-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text)
  if (isEncrypted && passphrase === '') {
    about.error('passphrase', 'it is encrypted', 'write its "passphrase", or ${file:PATH}')
    return null
  }
  try {
    return createPrivateKey({ key: text, ...(isEncrypted && { passphrase }) })
  } catch {
    if (isEncrypted) about.as('passphrase').error('passphrase', 'the key cannot be decrypted with it')
    else about.error('malformed', 'it cannot be read as a private key')
    return null
  }
}

function judgeLeaf(facts: CertificateFacts, about: Teller, nowMs: number): void {
  const { keyType, keyBits, notBeforeMs, notAfterMs, names } = facts
  if (keyType === 'other') about.error('weak_key', 'its key is of a kind that TLS has no use for', 'use ECDSA or RSA')
  else if (keyType === 'rsa' && keyBits < RSA_BITS_MIN) {
    about.error('weak_key', `its RSA key has ${keyBits} bits`, `use one of ${RSA_BITS_MIN} or more, or ECDSA`)
  }
  if (notAfterMs <= nowMs) about.warn('expired', `it ended on ${dateOf(notAfterMs)}`, 'clients refuse it: renew it')
  else if (notBeforeMs > nowMs) about.warn('not_yet_valid', `it begins on ${dateOf(notBeforeMs)}`, 'clients refuse it')
  if (names.length === 0) about.warn('no_names', 'it names no host', 'clients compare the host with its SANs')
}

/** Each has to be issued by the next (RFC 8446, section 4.4.2, asks less; some clients ask that). */
function judgeOrder(chain: readonly ChainLink[], about: Teller): void {
  for (const [index, { certificate }] of chain.entries()) {
    const next = chain[index + 1]
    if (next === undefined || certificate.checkIssued(next.certificate)) continue
    const message = `the ${ordinal(index + 1)} of its certificates is not issued by the one behind it`
    about.warn('chain', message, 'the leaf first, then each with its issuer behind it')
    return
  }
}

function readOcsp(
  file: string,
  leaf: X509Certificate,
  problems: CertificateProblem[],
  nowMs: number,
): Uint8Array | null {
  const about = new Teller(problems, 'ocsp', file)
  let bytes: Buffer
  try {
    bytes = bytesOf(file)
  } catch (error) {
    about.error('unreadable', (error as Error).message)
    return null
  }
  const response = readOcspResponse(bytes)
  if (response === null) {
    about.error('malformed', 'it is no OCSP response that says something', 'openssl ocsp -respout FILE writes one')
  } else if (!response.serialNumbers.includes(leaf.serialNumber.toLowerCase())) {
    about.warn('mismatch', 'it is about another certificate, and is not sent', 'fetch one for this certificate')
    return null
  } else if (response.nextUpdateMs <= nowMs) {
    about.warn('expired', `it ended on ${dateOf(response.nextUpdateMs)}, and is not sent`, 'fetch a new one')
    return null
  }
  return new Uint8Array(bytes)
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** Tells problems of one source. */
class Teller {
  readonly #problems: CertificateProblem[]
  readonly #part: CertificatePart
  readonly #source: PemSource

  constructor(problems: CertificateProblem[], part: CertificatePart, source: PemSource) {
    this.#problems = problems
    this.#part = part
    this.#source = source
  }

  as(part: CertificatePart): Teller {
    return new Teller(this.#problems, part, this.#source)
  }

  /** `null` where it cannot be read, which is told then. */
  read(): string | null {
    try {
      return textOf(this.#source)
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      this.error('unreadable', error.message)
      return null
    }
  }

  error(kind: CertificateProblemKind, message: string, hint = ''): void {
    this.#tell(kind, 'error', message, hint)
  }

  warn(kind: CertificateProblemKind, message: string, hint = ''): void {
    this.#tell(kind, 'warning', message, hint)
  }

  #tell(kind: CertificateProblemKind, severity: 'error' | 'warning', message: string, hint: string): void {
    const file = isText(this.#source) ? '' : this.#source
    this.#problems.push({ kind, part: this.#part, severity, file, message, hint })
  }
}
