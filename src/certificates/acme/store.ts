import { createHash, createPrivateKey } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readCertificate } from '../read-certificate.ts'
import type { AcmeSettings, CertificateFiles } from '../tls-files.ts'
import { makeFolder, writeWholeFile } from '../whole-file.ts'

/**
 * The folder in which accounts and certificates outlive the process.
 *
 *     accounts/acme-v02.api.letsencrypt.org-1f2e3d4c.json     URL and key of an account
 *     certificates/example.com-5b6a7980.pem                   a key and its certificate, in one file: they change at once
 *     lock                                                    while somebody issues
 *
 * Only its owner may read what is in it. Files are replaced by a rename: a reader has the old or the new, whole.
 */

export interface StoredAccount {
  readonly url: string
  /** PEM. */
  readonly key: string
}

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600

/** Where the certificate is that is issued by these settings. With other hosts it is another. */
export function certificatePath({ store, directory, hosts, keyType }: AcmeSettings): string {
  const [first = ''] = hosts
  return join(store, 'certificates', `${first}-${digest(directory, keyType, ...hosts.toSorted())}.pem`)
}

/** `null` before the first was issued. */
export function storedFiles(settings: AcmeSettings): CertificateFiles | null {
  const path = certificatePath(settings)
  return existsSync(path) ? { certificate: path, key: '', passphrase: '', ocsp: '' } : null
}

/**
 * Until the first is issued: one that was issued by other settings, for most of the names. A name more in the configuration is no
 * reason to serve none of them meanwhile. `null` where there is none that is valid. `nowMs`, since the epoch, is what that is judged by.
 */
export function standInFiles(settings: AcmeSettings, nowMs: number = Date.now()): CertificateFiles | null {
  const found = filesIn(dirname(certificatePath(settings))).flatMap(path => {
    const files = { certificate: path, key: '', passphrase: '', ocsp: '' }
    const { certificate, facts } = readCertificate(files, nowMs)
    if (certificate === null || facts === null || facts.notAfterMs <= nowMs || facts.notBeforeMs > nowMs) return []
    const names = settings.hosts.filter(host => facts.names.includes(host)).length
    return names === 0 ? [] : [{ files, names, notAfterMs: facts.notAfterMs }]
  })
  const [best] = found.toSorted((one, other) => other.names - one.names || other.notAfterMs - one.notAfterMs)
  return best?.files ?? null
}

/** None where the folder is not there, or may not be read. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter(name => name.endsWith('.pem'))
      .map(name => join(folder, name))
  } catch {
    return []
  }
}

/** `chain` and `key` are PEM. @throws {Error} of the system, where the folder cannot be written to. */
export function storeCertificate(settings: AcmeSettings, chain: string, key: string): void {
  writeWhole(certificatePath(settings), `${key.trimEnd()}\n${chain.trimEnd()}\n`)
}

/** `null` before there is one, and for a file that is no account. */
export function readAccount(settings: AcmeSettings): StoredAccount | null {
  try {
    const { url, key } = JSON.parse(readFileSync(accountPath(settings), 'utf8')) as Partial<StoredAccount>
    return typeof url === 'string' && URL.canParse(url) && isPrivateKey(key) ? { url, key } : null
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function isPrivateKey(text: unknown): text is string {
  try {
    return typeof text === 'string' && createPrivateKey(text).type === 'private'
  } catch {
    return false
  }
}

export function storeAccount(settings: AcmeSettings, { url, key }: StoredAccount): void {
  const { directory, email } = settings
  writeWhole(accountPath(settings), `${JSON.stringify({ directory, email, url, key }, null, 2)}\n`)
}

/** The authority does not know it any more. */
export function forgetAccount(settings: AcmeSettings): void {
  rmSync(accountPath(settings), { force: true })
}

function accountPath({ store, directory, email, externalAccount }: AcmeSettings): string {
  const name = `${new URL(directory).host.replace(':', '_')}-${digest(directory, email, externalAccount?.keyId ?? '')}`
  return join(store, 'accounts', `${name}.json`)
}

function digest(...texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 8)
}

/** Makes what is not there, so that it can be watched. One that cannot be made is told of when it is to be written to. */
export function makeStore(settings: AcmeSettings): void {
  try {
    makePrivateFolder(dirname(certificatePath(settings)))
  } catch {
    return
  }
}

/** Makes the folder where it is not there. @throws {Error} of the system. */
export function makePrivateFolder(folder: string): void {
  // Whatever the process takes away from new folders by its mask.
  if (makeFolder(folder, FOLDER_MODE)) chmodSync(folder, FOLDER_MODE)
}

function writeWhole(path: string, text: string): void {
  makePrivateFolder(dirname(path))
  writeWholeFile(path, text, { mode: FILE_MODE, replaces: true })
}
