import { statSync } from 'node:fs'
import type { CertificatePart, CertificateProblem } from '../../certificates/problems.ts'
import type { CertificateReading } from '../../certificates/read-certificate.ts'
import { certificateFiles, sourceOf } from '../compile-tls.ts'
import { isPemText, parseFile, parsePemSource } from '../file-name.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import type { TlsReadings } from '../tls-readings.ts'
import type { Report, Section } from './written.ts'

/** Certificates, keys, authorities and revocation lists, as far as their files say what is wrong with them. */

export interface TlsSurroundings {
  /** Where relative names of files begin. */
  readonly folder: string
  readonly readings: TlsReadings
}

const KEYS: Readonly<Record<CertificatePart, string>> = {
  certificate: 'cert',
  key: 'key',
  passphrase: 'passphrase',
  ocsp: 'ocsp',
  ca: 'ca',
  crl: 'crl',
}

/** Of a section with `cert`, `key`, `passphrase` and `ocsp`; `null` where one of them is no name of a file. */
export function checkCertificate(
  section: Section,
  { folder, readings }: TlsSurroundings,
  path: KeyPath,
  report: Report,
): CertificateReading | null {
  const { cert, key, passphrase, ocsp } = section
  if (!isSource(cert) || !isOptional(key, isSource) || !isOptional(ocsp, isFile)) return null
  if (!isOptional(passphrase, isText)) return null
  const files = certificateFiles({ cert, key, passphrase, ocsp }, folder)
  const reading = readings.certificate(files)
  tell(reading.problems, section, path, report)
  const isKey = !reading.problems.some(({ part, severity }) => part === 'key' && severity === 'error')
  const written = key ?? cert
  if (isKey && !isPemText(written.trimStart())) {
    checkMode(files.key || files.certificate, written, [...path, key === undefined ? 'cert' : 'key'], report)
  }
  return reading
}

/** Of a section with `ca` and `crl`. */
export function checkAuthorities(
  section: Section,
  { folder, readings }: TlsSurroundings,
  path: KeyPath,
  report: Report,
): void {
  const { ca, crl } = section
  if (isSource(ca)) tell(readings.authorities(sourceOf(ca, folder)).problems, section, path, report)
  if (isSource(crl)) tell(readings.revocations(sourceOf(crl, folder)).problems, section, path, report)
}

function tell(problems: readonly CertificateProblem[], section: Section, path: KeyPath, report: Report): void {
  for (const { kind, part, severity, message, hint } of problems) {
    const usual = KEYS[part]
    // Keys may stand beside their certificates.
    const key = section[usual] === undefined ? 'cert' : usual
    const written = section[key]
    const isNamed = typeof written === 'string' && part !== 'passphrase' && !isPemText(written.trimStart())
    const code =
      kind === 'unreadable' ? 'unreadable-file' : severity === 'error' ? 'wrong-certificate' : 'doubtful-certificate'
    report(code, [...path, key], isNamed ? `${quote(written)}: ${message}` : message, hint)
  }
}

/** Whoever can read a key can be taken for its owner. */
const READABLE_BY_OTHERS = 0o004

function checkMode(file: string, written: string, path: KeyPath, report: Report): void {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (stats === undefined || !stats.isFile() || (stats.mode & READABLE_BY_OTHERS) === 0) return
  report('exposed-key', path, `every user of this machine may read ${quote(written)}`, `chmod o-rwx ${written}`)
}

function isSource(value: unknown): value is string {
  return isText(value) && parsePemSource(value).ok
}

function isFile(value: unknown): value is string {
  return isText(value) && parseFile(value).ok
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isOptional<T>(value: unknown, isRight: (value: unknown) => value is T): value is T | undefined {
  return value === undefined || isRight(value)
}
