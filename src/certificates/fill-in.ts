import type {
  CertificateSnapshot,
  ListenerSnapshot,
  ListenerTlsSnapshot,
  Snapshot,
  TcpListenerSnapshot,
  UpstreamSnapshot,
  UpstreamTlsSnapshot,
} from '../../engine/snapshot.ts'
import { certificatePath, standInFiles, storedFiles } from './acme/store.ts'
import type { CertificateFacts } from './facts.ts'
import { isText } from './pem.ts'
import type { CertificateProblem } from './problems.ts'
import { type PemReading, readAuthorities, readCertificate, readRevocationLists } from './read-certificate.ts'
import type { AcmeSettings, CertificateFiles, ListenerTlsFiles, TlsFiles, UpstreamTlsFiles } from './tls-files.ts'

/**
 * Puts what stands in files into a snapshot: at the start, and again when files have changed. What cannot be read then keeps
 * what it had, each certificate for itself: one bad file does not hold up the renewal of others.
 */

export interface Filled {
  readonly snapshot: Snapshot
  readonly problems: readonly PlacedProblem[]
  /** All that are in force with it. */
  readonly certificates: readonly PlacedCertificate[]
}

/** What in the configuration it is for. */
export interface TlsPlace {
  readonly side: 'listener' | 'upstream'
  /** Of the listener or the upstream. */
  readonly name: string
  /** Place among its certificates; -1 for what is none. */
  readonly index: number
}

export interface PlacedProblem extends CertificateProblem {
  readonly place: TlsPlace
}

export interface PlacedCertificate {
  readonly place: TlsPlace
  readonly source: 'file' | 'text' | 'acme'
  /** Empty for a text. */
  readonly file: string
  readonly facts: CertificateFacts
  /** Milliseconds before its end at which it is renewed here; 0 for one that others renew. */
  readonly renewBeforeMs: number
}

/**
 * `snapshot` has what was read before, if anything was, and `known` tells of it. Where errors are among the problems and
 * nothing was read before, it is not fit to be run.
 */
export function fillInTls(snapshot: Snapshot, files: TlsFiles, known: readonly PlacedCertificate[] = []): Filled {
  if (files.listeners.length === 0 && files.upstreams.length === 0) return { snapshot, problems: [], certificates: [] }
  const filling = new Filling(known)
  const listeners = new Map(files.listeners.map(one => [one.listener, one]))
  const upstreams = new Map(files.upstreams.map(one => [one.upstream, one]))
  const filled = {
    ...snapshot,
    listeners: snapshot.listeners.map(one => filling.listener(one, listeners.get(one.name))),
    tcpListeners: snapshot.tcpListeners.map(one => filling.listener(one, listeners.get(one.name))),
    upstreams: snapshot.upstreams.map(one => filling.upstream(one, upstreams.get(one.name))),
  }
  return { snapshot: filled, problems: filling.problems, certificates: filling.certificates }
}

class Filling {
  readonly problems: PlacedProblem[] = []
  readonly certificates: PlacedCertificate[] = []
  readonly #known: readonly PlacedCertificate[]

  constructor(known: readonly PlacedCertificate[]) {
    this.#known = known
  }

  listener<Listener extends ListenerSnapshot | TcpListenerSnapshot>(
    listener: Listener,
    files: ListenerTlsFiles | undefined,
  ): Listener {
    const { name, tls } = listener
    if (tls === null || files === undefined) return listener
    const place = { side: 'listener', name, index: -1 } as const
    const clientAuth = {
      ...tls.clientAuth,
      ca: this.#pem(place, readAuthorities(files.clientCa), tls.clientAuth.ca),
      crl: this.#pem(place, readRevocationLists(files.clientCrl), tls.clientAuth.crl),
    }
    return { ...listener, tls: { ...tls, clientAuth, certificates: this.#certificatesOf(name, tls, files) } }
  }

  #certificatesOf(name: string, tls: ListenerTlsSnapshot, { certificates, acme }: ListenerTlsFiles) {
    const found: CertificateSnapshot[] = []
    const read = (files: CertificateFiles, issued: AcmeSettings | null): void => {
      const index = found.length
      const place = { side: 'listener', name, index } as const
      const certificate = this.#certificate(place, files, issued, tls.certificates[index] ?? null)
      if (certificate !== null) found.push(certificate)
    }
    for (const files of certificates) read(files, null)
    const stored = acme === null ? null : (storedFiles(acme) ?? standInFiles(acme))
    if (stored !== null) read(stored, acme)
    return found
  }

  upstream(upstream: UpstreamSnapshot, files: UpstreamTlsFiles | undefined): UpstreamSnapshot {
    const { name, tls } = upstream
    if (tls === null || files === undefined) return upstream
    const place = { side: 'upstream', name, index: -1 } as const
    const filled = {
      ...tls,
      ca: this.#pem(place, readAuthorities(files.ca), tls.ca),
      crl: this.#pem(place, readRevocationLists(files.crl), tls.crl),
      ...this.#own(name, files.certificate, tls),
    }
    return { ...upstream, tls: filled }
  }

  #own(
    name: string,
    files: CertificateFiles | null,
    { chain, key }: UpstreamTlsSnapshot,
  ): Pick<UpstreamTlsSnapshot, 'chain' | 'key'> {
    if (files === null) return { chain: '', key: '' }
    const place = { side: 'upstream', name, index: 0 } as const
    return this.#certificate(place, files, null, chain === '' ? null : { chain, key }) ?? { chain: '', key: '' }
  }

  /** What can be read of it, else `before`. `issued` says how it was issued, where it was. */
  #certificate<T>(
    place: TlsPlace,
    files: CertificateFiles,
    issued: AcmeSettings | null,
    before: T | null,
  ): CertificateSnapshot | T | null {
    const { certificate, facts, problems } = readCertificate(files)
    // What was issued is issued anew where it cannot be read: no reason not to start.
    const severity = issued === null ? {} : ({ severity: 'warning' } as const)
    this.problems.push(...problems.map(problem => ({ ...problem, ...severity, place })))
    if (certificate !== null && facts !== null) {
      const source = issued !== null ? 'acme' : isText(files.certificate) ? 'text' : 'file'
      const file = source === 'text' ? '' : files.certificate
      this.certificates.push({ place, source, file, facts, renewBeforeMs: issued?.renewBeforeMs ?? 0 })
      return certificate
    }
    const known = this.#known.find(one => isSamePlace(one.place, place))
    if (before !== null && known !== undefined) this.certificates.push(known)
    return before
  }

  #pem(place: TlsPlace, { pem, problems }: PemReading, before: string): string {
    this.problems.push(...problems.map(problem => ({ ...problem, place })))
    return problems.some(({ severity }) => severity === 'error') ? before : pem
  }
}

function isSamePlace(one: TlsPlace, other: TlsPlace): boolean {
  return one.side === other.side && one.name === other.name && one.index === other.index
}

/** The files that are worth watching: all that a change of can change a snapshot. */
export function watchedFiles({ listeners, upstreams }: TlsFiles): string[] {
  const sources = [
    ...listeners.flatMap(({ certificates, clientCa, clientCrl, acme }) => [
      ...certificates.flatMap(sourcesOf),
      acme === null ? '' : certificatePath(acme),
      clientCa,
      clientCrl,
    ]),
    ...upstreams.flatMap(({ ca, crl, certificate }) => [
      ca,
      crl,
      ...(certificate === null ? [] : sourcesOf(certificate)),
    ]),
  ]
  return [...new Set(sources.filter(source => source !== '' && !isText(source)))]
}

function sourcesOf({ certificate, key, ocsp }: CertificateFiles): string[] {
  return [certificate, key, ocsp]
}
