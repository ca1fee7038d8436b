import { X509Certificate } from 'node:crypto'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Authority, type KeyPairTexts, type Wanted } from './create.ts'
import { DAY_MS } from './expiry.ts'
import { makeFolder, writeWholeFile } from './whole-file.ts'

/** An authority in a folder, for development and for networks of one's own: made when it is first needed, and kept. */

const AUTHORITY_DAYS = 3650
const KEY_MODE = 0o600
const CERTIFICATE_MODE = 0o644

/** What stands in the way, for people. */
export class LocalAuthorityError extends Error {
  override readonly name = 'LocalAuthorityError'
}

export interface WrittenPair {
  readonly certificate: string
  readonly key: string
}

export interface OpenedAuthority {
  readonly authority: Authority
  /** Paths of its files. */
  readonly files: WrittenPair
  readonly isNew: boolean
  readonly notAfter: Date
}

/** Makes the folder where it is not there. @throws {LocalAuthorityError} for one that is there and of no use. */
export async function openLocalAuthority(folder: string, now = new Date()): Promise<OpenedAuthority> {
  makeFolder(folder)
  const files: WrittenPair = { certificate: join(folder, 'ca.pem'), key: join(folder, 'ca-key.pem') }
  const there = [files.certificate, files.key].filter(path => existsSync(path))
  if (there.length === 1) {
    const [missing] = [files.certificate, files.key].filter(path => !there.includes(path))
    throw new LocalAuthorityError(
      `${there[0]} is there, but ${missing} is not: take the one away, or bring the other back`,
    )
  }
  if (there.length === 2) return await reopen(files, now)
  const notAfter = new Date(now.getTime() + AUTHORITY_DAYS * DAY_MS)
  const authority = await Authority.create({
    commonName: `Sluice local authority on ${hostname()}`.slice(0, 64),
    notAfter,
  })
  writePair(files, authority.texts, false)
  return { authority, files, isNew: true, notAfter }
}

async function reopen(files: WrittenPair, now: Date): Promise<OpenedAuthority> {
  const texts = { certificate: readFileSync(files.certificate, 'utf8'), key: readFileSync(files.key, 'utf8') }
  const { notAfter, authority } = await parse(files, texts)
  if (notAfter <= now) {
    throw new LocalAuthorityError(`${files.certificate} has ended: take it and ${files.key} away for a new authority`)
  }
  return { authority, files, isNew: false, notAfter }
}

async function parse(files: WrittenPair, texts: KeyPairTexts): Promise<{ notAfter: Date; authority: Authority }> {
  let certificate: X509Certificate
  let authority: Authority
  try {
    certificate = new X509Certificate(texts.certificate)
    authority = await Authority.open(texts)
  } catch (error) {
    throw new LocalAuthorityError(`${files.certificate} and ${files.key} are no authority: ${(error as Error).message}`)
  }
  if (!certificate.ca) throw new LocalAuthorityError(`${files.certificate} is no authority's certificate`)
  return { notAfter: new Date(certificate.validTo), authority }
}

/**
 * `name.pem` and `name-key.pem`. A wildcard has no star in the name of its files; and names whose files would be the authority's, or
 * the key of another certificate, have something behind them.
 */
export function pairIn(folder: string, name: string): WrittenPair {
  const plain = name.replace(/^\*\./, 'wildcard.').replaceAll(/[^A-Za-z0-9._-]/g, '_')
  const safe = /^ca$|-key$/i.test(plain) ? `${plain}.cert` : plain
  return { certificate: join(folder, `${safe}.pem`), key: join(folder, `${safe}-key.pem`) }
}

/** @throws {LocalAuthorityError} where one of the files is there. */
export function assertFree(pairs: readonly WrittenPair[]): void {
  const [taken] = pairs.flatMap(({ certificate, key }) => [certificate, key]).filter(path => existsSync(path))
  if (taken !== undefined) throw new LocalAuthorityError(`${taken} is already there; --force replaces it`)
}

/** Issues, and writes both files. It ends with the authority at the latest. */
export async function issueInto(
  files: WrittenPair,
  { authority, notAfter }: OpenedAuthority,
  wanted: Wanted,
  replaces: boolean,
): Promise<void> {
  writePair(files, await authority.issue({ ...wanted, notAfter: earlier(wanted.notAfter, notAfter) }), replaces)
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other
}

/** The key first: whoever watches both finds a pair that fits as soon as the certificate changes. */
function writePair(files: WrittenPair, { certificate, key }: KeyPairTexts, replaces: boolean): void {
  writeWholeFile(files.key, key, { mode: KEY_MODE, replaces })
  writeWholeFile(files.certificate, certificate, { mode: CERTIFICATE_MODE, replaces })
  // Whatever the process takes away from new files by its mask.
  chmodSync(files.certificate, CERTIFICATE_MODE)
}
