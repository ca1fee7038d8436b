import {
  type CertificateReading,
  type PemReading,
  readAuthorities,
  readCertificate,
  readRevocationLists,
} from '../certificates/read-certificate.ts'
import type { CertificateFiles, PemSource } from '../certificates/tls-files.ts'

/** What files of certificates have in them, each read once for as many looks at a configuration as it takes. */
export class TlsReadings {
  readonly #certificates = new Map<string, CertificateReading>()
  readonly #authorities = new Map<PemSource, PemReading>()
  readonly #revocations = new Map<PemSource, PemReading>()

  certificate(files: CertificateFiles): CertificateReading {
    return known(this.#certificates, JSON.stringify(files), () => readCertificate(files))
  }

  authorities(source: PemSource): PemReading {
    return known(this.#authorities, source, () => readAuthorities(source))
  }

  revocations(source: PemSource): PemReading {
    return known(this.#revocations, source, () => readRevocationLists(source))
  }
}

function known<Key, Value>(values: Map<Key, Value>, key: Key, read: () => Value): Value {
  const value = values.get(key) ?? read()
  values.set(key, value)
  return value
}
