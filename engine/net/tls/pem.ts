const LIST = /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g
const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/

/** Each by itself: OpenSSL would read the first of a text alone. A text without any is passed on, to be refused. */
export function revocationLists(pem: string): string[] {
  if (pem === '') return []
  return pem.match(LIST) ?? [pem]
}

/** @throws {Error} where there is none: OpenSSL would trust nobody without a word. */
export function authorities(pem: string): string[] {
  if (!CERTIFICATE.test(pem)) throw new Error('there is no certificate among the authorities')
  return [pem]
}
