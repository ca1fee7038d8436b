import { accepted, type Parsed, quote, refused } from './parsed.ts'

/** A pin: SHA-256 of a public key (RFC 7469, section 2.4) in base64, or in hexadecimal. Comes out as base64. */
export function parsePin(text: string): Parsed<string> {
  const plain = text.replace(/^(?:pin-)?sha256(?:\/\/|\/|:|=)/i, '').replaceAll('"', '')
  const hex = plain.replaceAll(':', '')
  if (/^[0-9a-f]{64}$/i.test(hex)) return accepted(Buffer.from(hex, 'hex').toString('base64'))
  if (/^[A-Za-z0-9+/]{43}=?$/.test(plain)) return accepted(Buffer.from(plain, 'base64').toString('base64'))
  const hint =
    'it comes of: openssl x509 -in FILE -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64'
  return refused(`${quote(text)} is no SHA-256 of a public key in base64`, hint)
}
