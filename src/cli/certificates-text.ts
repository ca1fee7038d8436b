import type { AcmeStatus } from '../certificates/acme/issuer.ts'
import type { CertificateReport, CertificateStatus } from '../certificates/service.ts'
import type { Colour } from './colours.ts'

/** What `sluice status` says of certificates, as rows of a table and as lines below it. */

export type CertificateCell = string | readonly [text: string, colour: Colour]

export const CERTIFICATE_HEAD = ['for', 'issuer', 'ends', 'left', 'key', 'source'] as const

/** Names of one certificate that go into its row. */
const NAMES_MAX = 3
/** Days: from then on it shows. */
const SOON_DAYS = 14

export function certificateRows({ certificates, acme }: CertificateReport): CertificateCell[][] {
  return [...certificates.map(certificateRow), ...acme.filter(({ state }) => state === 'none').map(missingRow)]
}

function certificateRow(certificate: CertificateStatus): CertificateCell[] {
  const { listener, upstream, names, issuer, notAfterMs, daysLeft, keyType, source, file, isSelfSigned } = certificate
  return [
    `  ${listener || `to ${upstream}`}`,
    namesText(names),
    isSelfSigned ? 'itself' : issuer,
    new Date(notAfterMs).toISOString().slice(0, 10),
    leftCell(daysLeft),
    keyType,
    source === 'acme' ? 'acme' : file || 'in the configuration',
  ]
}

function missingRow({ hosts, isOrdering }: AcmeStatus): CertificateCell[] {
  const state: CertificateCell = [isOrdering ? 'being issued' : 'not issued', isOrdering ? 'yellow' : 'red']
  return ['', namesText(hosts), '', state, '', '', 'acme']
}

function leftCell(daysLeft: number): CertificateCell {
  if (daysLeft < 0) return ['ended', 'red']
  const text = daysLeft === 1 ? '1 day' : `${daysLeft} days`
  return [text, daysLeft < SOON_DAYS ? 'yellow' : 'green']
}

function namesText(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX).join(', ') || 'no name'
  return names.length <= NAMES_MAX ? shown : `${shown}, ${names.length - NAMES_MAX} more`
}

/** What is the matter, a line each. */
export function certificateTroubles({ problems, acme }: CertificateReport): string[] {
  const failed = acme.filter(({ error }) => error !== '')
  return [
    ...problems.map(problem => `${problem}; what was there before goes on`),
    ...failed.map(({ hosts, error, nextAtMs }) => {
      const again = nextAtMs === 0 ? 'being tried again' : `tried again at ${new Date(nextAtMs).toISOString()}`
      return `certificate for ${namesText(hosts)}: ${error}; ${again}`
    }),
  ]
}
