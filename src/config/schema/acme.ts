import * as z from 'zod'
import { parseFolder, parsePemSource } from '../file-name.ts'
import { checkHostName } from '../host.ts'
import { accepted, type Parsed, quote, refused } from '../parsed.ts'
import { duration, textOf } from './scalars.ts'

/** Certificates that are issued by an authority on the way (RFC 8555). */

const DIRECTORIES: ReadonlyMap<string, string> = new Map([
  ['letsencrypt', 'https://acme-v02.api.letsencrypt.org/directory'],
  ['staging', 'https://acme-staging-v02.api.letsencrypt.org/directory'],
])

const DAY_MS = 24 * 3_600_000

function parseDirectory(text: string): Parsed<string> {
  const known = DIRECTORIES.get(text)
  if (known !== undefined) return accepted(known)
  if (!URL.canParse(text))
    return refused(`${quote(text)} is no URL`, 'write letsencrypt, staging, or the URL of a directory')
  if (new URL(text).protocol === 'https:') return accepted(text)
  return refused(`${quote(text)} is not reached by https`, 'accounts are opened with keys: nobody may read along')
}

function parseEmail(text: string): Parsed<string> {
  const plain = text.replace(/^mailto:/, '')
  return /^[^\s@,?]+@[^\s@,?]+$/.test(plain) ? accepted(plain) : refused(`${quote(text)} is no address of mail`)
}

function parseIssuedName(text: string): Parsed<string> {
  if (text.includes('*')) {
    return refused(
      `${quote(text)} is a wildcard, which is only issued by way of DNS`,
      'list the names, or get it elsewhere',
      'wrong-host',
    )
  }
  if (/^[0-9.]+$|:/.test(text))
    return refused(`${quote(text)} is no host name`, 'certificates are issued for names', 'wrong-host')
  if (!text.includes('.'))
    return refused(`${quote(text)} is a name that nobody else knows`, 'write the whole name', 'wrong-host')
  return checkHostName(text) ?? accepted(text.toLowerCase())
}

const externalAccount = z.strictObject({
  key_id: z
    .string()
    .min(1, { error: 'must not be empty' })
    .meta({ description: 'Its name there.', examples: ['kid-1'] }),
  hmac_key: textOf(
    // Not quoted: it is a secret.
    text => (/^[A-Za-z0-9_+/-]+=*$/.test(text) ? accepted(text) : refused('is not base64')),
    { description: 'Its key, in base64.' },
  ).meta({ examples: ['c2VjcmV0LW9mLXRoZS1hY2NvdW50'], writeOnly: true }),
})

export const acme = z.strictObject({
  directory: textOf(parseDirectory, {
    description: "The URL of the authority's directory; letsencrypt, or staging for its tests.",
    examples: ['staging', 'https://acme.example.com/directory'],
  }).prefault('letsencrypt'),
  email: textOf(parseEmail, {
    description: 'Where the authority writes to; absent: nowhere.',
    examples: ['admin@example.com'],
  }).optional(),
  hosts: z
    .array(
      textOf(parseIssuedName, {
        description: 'A name that leads here; no wildcard.',
        examples: ['www.example.com'],
      }),
    )
    .min(1, { error: 'needs at least one name' })
    .describe('Names of the certificate.'),
  challenge: z
    .enum(['http-01', 'tls-alpn-01'])
    .default('http-01')
    .describe(
      'How the authority sees that the names lead here: at port 80 (any http listener answers), or at port 443 of this one.',
    ),
  store: textOf(parseFolder, {
    description: 'The folder of accounts and certificates; a relative one lies beside the configuration file.',
    examples: ['acme'],
  }),
  terms_agreed: z
    .literal(true, { error: issue => (issue.input === undefined || issue.input === null ? undefined : 'must be true') })
    .describe("true: the authority's terms of service are agreed to."),
  renew_before: duration('How long before its end a certificate is renewed.', 60_000, 89 * DAY_MS).prefault('720h'),
  key_type: z.enum(['ecdsa', 'rsa']).default('ecdsa').describe('The kind of key.'),
  ca: textOf(parsePemSource, {
    description: "Who vouches for the authority's own server: a file in PEM, or the text itself; absent: the system's.",
    examples: ['certs/acme-ca.pem'],
  }).optional(),
  external_account: externalAccount.optional().describe('An account that the authority has already.'),
})
