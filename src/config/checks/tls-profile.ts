import { isForTls13, isWeakCipher, parseCiphers } from '../cipher.ts'
import type { KeyPath } from '../positions.ts'
import { type Report, type Section, valueOrDefault } from './written.ts'

/** What both ends have to agree on: that there is something to agree on. */
export function checkProfile(tls: Section, path: KeyPath, report: Report): void {
  const oldest = valueOrDefault(tls, [...path, 'min_version'])
  const newest = valueOrDefault(tls, [...path, 'max_version'])
  if (oldest === 'TLSv1.3' && newest === 'TLSv1.2') {
    report('wrong-order', [...path, 'min_version'], `${oldest} is newer than "max_version" (${newest})`)
    return
  }
  for (const [cipher, place] of writtenCiphers(tls.ciphers, [...path, 'ciphers'])) {
    if (isForTls13(cipher) && newest === 'TLSv1.2') {
      report('no-effect', place, `${cipher} is for TLS 1.3, which "max_version" excludes`)
    } else if (!isForTls13(cipher) && oldest === 'TLSv1.3') {
      report('no-effect', place, `${cipher} is for TLS 1.2, which "min_version" excludes`)
    } else if (isWeakCipher(cipher)) {
      const hint = 'leave it out, unless somebody is left who has nothing better'
      report('weak-cipher', place, `${cipher} has no forward secrecy, or no authenticated encryption`, hint)
    }
  }
}

/** Those that there are; what is none is reported elsewhere. */
function writtenCiphers(written: unknown, path: KeyPath): (readonly [cipher: string, place: KeyPath])[] {
  if (Array.isArray(written)) return written.flatMap((item, index) => writtenCiphers(item, [...path, index]))
  const parsed = typeof written === 'string' ? parseCiphers(written) : null
  return parsed?.ok ? parsed.value.map(cipher => [cipher, path] as const) : []
}
