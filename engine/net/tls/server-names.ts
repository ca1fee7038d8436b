/** Which certificates serve a name: those that have it, else those with a wildcard for its first label, else the default. */
import type { CertificateSnapshot } from '../../snapshot.ts'

export class ServerNames<T> {
  readonly #exact = new Map<string, T>()
  /** By what follows the first label, with its dot. */
  readonly #wildcards = new Map<string, T>()

  set(name: string, value: T): void {
    if (name.startsWith('*.')) this.#wildcards.set(name.slice(1), value)
    else this.#exact.set(name, value)
  }

  /** `name` as the client has sent it. */
  find(name: string): T | null {
    const lower = name.toLowerCase()
    // A last dot is no part of the name (RFC 6066, section 3), but some send it.
    const host = lower.endsWith('.') ? lower.slice(0, -1) : lower
    const exact = this.#exact.get(host)
    if (exact !== undefined) return exact
    const dot = host.indexOf('.')
    return dot <= 0 ? null : (this.#wildcards.get(host.slice(dot)) ?? null)
  }
}

/** For each name the first certificate of each kind that has it: they stand side by side. */
export function certificatesByName(
  certificates: readonly CertificateSnapshot[],
): ReadonlyMap<string, readonly CertificateSnapshot[]> {
  const byName = new Map<string, CertificateSnapshot[]>()
  for (const certificate of certificates) {
    for (const name of certificate.names) {
      const known = byName.get(name) ?? []
      if (!known.some(({ keyType }) => keyType === certificate.keyType)) known.push(certificate)
      byName.set(name, known)
    }
  }
  return byName
}
