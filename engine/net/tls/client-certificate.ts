/** What a client's certificate says, in the words that routes, field lines and logs use. */
import type { CertificateHandle } from '../handles.ts'

/** Texts are made when they are first read. */
export class ClientCertificate {
  readonly #handle: CertificateHandle
  #names: SubjectNames | null = null

  constructor(handle: CertificateHandle) {
    this.#handle = handle
  }

  /** Distinguished name as RFC 2253 writes it, most specific part first: `CN=Alice,O=Example,C=DE`. */
  get subject(): string {
    return distinguishedName(this.#handle.subject())
  }

  get issuer(): string {
    return distinguishedName(this.#handle.issuer())
  }

  /** Hexadecimal digits, upper case. */
  get serial(): string {
    return this.#handle.serialNumber()
  }

  /** SHA-256 of the certificate: 64 hexadecimal digits, lower case, without colons. */
  get fingerprint(): string {
    return this.#handle.fingerprint256().replaceAll(':', '').toLowerCase()
  }

  /** In the words of RFC 822-like dates that OpenSSL uses: `Jan  2 03:04:05 2026 GMT`. */
  get notBefore(): string {
    return this.#handle.validFrom()
  }

  get notAfter(): string {
    return this.#handle.validTo()
  }

  /** Subject alternative names, as they stand in it. */
  get dnsNames(): readonly string[] {
    return this.#alternatives.dns
  }

  get uris(): readonly string[] {
    return this.#alternatives.uris
  }

  get emails(): readonly string[] {
    return this.#alternatives.emails
  }

  get ips(): readonly string[] {
    return this.#alternatives.ips
  }

  /** The whole certificate, with line ends. */
  get pem(): string {
    return this.#handle.pem()
  }

  /** DER. */
  get raw(): Buffer {
    return this.#handle.raw()
  }

  get #alternatives(): SubjectNames {
    this.#names ??= readSubjectNames(this.#handle.subjectAltName() ?? '')
    return this.#names
  }
}

export interface SubjectNames {
  readonly dns: readonly string[]
  readonly uris: readonly string[]
  readonly emails: readonly string[]
  readonly ips: readonly string[]
}

/** Node has a line for each part, in the order of the certificate, values escaped already. */
function distinguishedName(lines: string): string {
  return lines.split('\n').filter(Boolean).reverse().join(',')
}

const PREFIXES = { dns: 'DNS:', uris: 'URI:', emails: 'email:', ips: 'IP Address:' } as const

/**
 * Reads Node's text of subject alternative names: `DNS:a.example, URI:spiffe://x`. Values that hold a comma, a quote or what
 * cannot be printed are JSON strings there.
 */
export function readSubjectNames(text: string): SubjectNames {
  const entries = entriesOf(text)
  const of = (prefix: string) =>
    entries.filter(entry => entry.startsWith(prefix)).map(entry => unquoted(entry.slice(prefix.length)))
  return { dns: of(PREFIXES.dns), uris: of(PREFIXES.uris), emails: of(PREFIXES.emails), ips: of(PREFIXES.ips) }
}

/** Splits at commas outside of quotes. */
function entriesOf(text: string): string[] {
  const entries: string[] = []
  let start = 0
  let quoted = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (quoted && character === '\\') at += 1
    else if (character === '"') quoted = !quoted
    else if (character === ',' && !quoted) {
      entries.push(text.slice(start, at).trim())
      start = at + 1
    }
  }
  entries.push(text.slice(start).trim())
  return entries
}

function unquoted(value: string): string {
  return value.startsWith('"') ? String(JSON.parse(value)) : value
}
