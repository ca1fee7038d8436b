/** What can be wrong with files of certificates and keys. */

export type CertificatePart = 'certificate' | 'key' | 'passphrase' | 'ocsp' | 'ca' | 'crl'

export type CertificateProblemKind =
  /** The file is not there, is empty, may not be read. */
  | 'unreadable'
  /** It ends in the middle, as a file does that is being written. */
  | 'cut_short'
  /** It is not what it should be. */
  | 'malformed'
  /** The key is another certificate's. */
  | 'mismatch'
  /** An encrypted key without a passphrase, or with a wrong one. */
  | 'passphrase'
  /** The key is too short, or of a kind that cannot be used. */
  | 'weak_key'
  | 'expired'
  | 'not_yet_valid'
  /** What follows the leaf does not lead to a root. */
  | 'chain'
  /** No host that the certificate is for. */
  | 'no_names'

export interface CertificateProblem {
  readonly kind: CertificateProblemKind
  readonly part: CertificatePart
  /** With warnings it can be used all the same. */
  readonly severity: 'error' | 'warning'
  /** Path of the file; empty where there is none. */
  readonly file: string
  /** Names neither the file nor anything secret. */
  readonly message: string
  /** What to do; may be empty. */
  readonly hint: string
}

/** What a file that is being changed just now looks like: it may be whole in a moment. */
export function isPassing({ kind, severity }: CertificateProblem): boolean {
  return severity === 'error' && (kind === 'unreadable' || kind === 'cut_short' || kind === 'mismatch')
}

/** One line for the log. */
export function describeProblem({ file, part, message, hint }: CertificateProblem): string {
  const about = file === '' ? PART_NAMES[part] : `${PART_NAMES[part]} ${file}`
  return `${about}: ${message}${hint === '' ? '' : ` (${hint})`}`
}

const PART_NAMES: Readonly<Record<CertificatePart, string>> = {
  certificate: 'certificate',
  key: 'key',
  passphrase: 'passphrase of the key',
  ocsp: 'OCSP response',
  ca: 'authorities',
  crl: 'revocation list',
}
