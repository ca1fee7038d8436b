import * as z from 'zod'
import { DEFAULT_CIPHERS, DEFAULT_CURVES, parseCiphers, parseCurves } from '../cipher.ts'
import { parseFile, parsePemSource } from '../file-name.ts'
import { checkHostName } from '../host.ts'
import { accepted, type Parsed, refused } from '../parsed.ts'
import { parsePin } from '../pin.ts'
import { acme } from './acme.ts'
import { alpnName } from './flow.ts'
import { duration, oneOrMany, switched, textOf, wholeNumber } from './scalars.ts'

/** How connections are encrypted, on either side. */

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** Also the text itself, in PEM: of a variable, or of a secret that was mounted. */
function file(description: string, example: string) {
  return textOf(parsePemSource, {
    description: `${description} A file (a relative name is looked for beside the configuration file), or the text itself.`,
    examples: [example],
  })
}

const passphrase = textOf(text => (text === '' ? refused('must not be empty; leave the key out') : accepted(text)), {
  description: 'What an encrypted key is opened with.',
  examples: ['${KEY_PASSPHRASE}'],
}).meta({ writeOnly: true })

function names(
  parse: (text: string) => Parsed<readonly string[]>,
  item: string,
  description: string,
  of: readonly string[],
) {
  const several = textOf(parse, { description: item, examples: [of[0] ?? ''] })
  return z
    .union([several, z.array(several).min(1, { error: 'needs at least one; leave the key out' })])
    .transform(list => [...new Set(list.flat())])
    .default([...of])
    .describe(description)
}

/** What both ends have to agree on. */
const profile = {
  min_version: z.enum(VERSIONS).default('TLSv1.2').describe('The oldest version that is spoken.'),
  max_version: z.enum(VERSIONS).default('TLSv1.3').describe('The newest version that is spoken.'),
  ciphers: names(
    parseCiphers,
    "A cipher suite in OpenSSL's words, or several with colons in between.",
    "Cipher suites that may be agreed on: of those, a listener takes the one that the client would rather have. Without any for TLS 1.3 (or TLS 1.2), the default's stay for that version. The default is Mozilla's intermediate profile.",
    DEFAULT_CIPHERS,
  ),
  curves: names(
    parseCurves,
    "A group for the key exchange in OpenSSL's words, or several with colons in between.",
    'Groups for the key exchange, in order of preference.',
    DEFAULT_CURVES,
  ),
}

const certificate = z
  .strictObject({
    cert: file('The certificate in PEM, and behind it those that lead to a root.', 'certs/example.crt'),
    key: file(
      'Its private key in PEM; absent: it stands in the file of the certificate.',
      'certs/example.key',
    ).optional(),
    passphrase: passphrase.optional(),
    ocsp: textOf(parseFile, {
      description:
        "The file of the authority's OCSP response, in DER, which clients are shown (stapling); absent: none.",
      examples: ['certs/example.ocsp'],
    }).optional(),
  })
  .describe('A certificate and its key. Its files are watched.')

const clientAuth = z.strictObject({
  mode: z
    .enum(['none', 'request', 'require'])
    .default('require')
    .describe(
      'request: who shows a certificate must have a good one; require: everybody must show one; none: nobody is asked.',
    ),
  ca: file('Authorities that sign certificates of clients, in PEM.', 'certs/clients.pem').optional(),
  crl: file('Revocation lists of those authorities, in PEM.', 'certs/clients.crl').optional(),
  forward: z
    .enum(['none', 'set', 'append'])
    .default('none')
    .describe(
      'X-Forwarded-Client-Cert of requests: none takes it away, set says who the client is, append says it behind what trusted proxies say.',
    ),
})

const MAX_AGE_MAX_MS = 2 * 8760 * 3_600_000

const hstsSection = z.strictObject({
  max_age: duration('How long browsers remember; 0s makes them forget.', 0, MAX_AGE_MAX_MS).prefault('8760h'),
  include_subdomains: z.boolean().default(false).describe('For all names below the host too.'),
  preload: z
    .boolean()
    .default(false)
    .describe('Allows browsers to ship with it; needs a max_age of 8760h and include_subdomains. Hard to take back.'),
})

export const listenerTls = z.strictObject({
  certificates: z
    .array(certificate)
    .default([])
    .describe(
      'Certificates by whose names a client is served: the most exact name, RSA and ECDSA side by side. The first serves those who ask for no name, or another one.',
    ),
  acme: acme.optional().describe('A certificate that an authority issues and renews by itself (ACME); absent: none.'),
  alpn: z
    .array(alpnName)
    .min(1, { error: 'needs at least one protocol; leave the key out' })
    .optional()
    .meta({
      description:
        'Protocols, in order of preference: for a listener of http, h2 and http/1.1; for one of tcp whatever its endpoints speak. Absent: h2 and http/1.1, or http/1.1 alone where http2 is false; for tcp none, and ALPN is not spoken.',
      examples: [['http/1.1']],
    }),
  ...profile,
  client_auth: clientAuth.optional().describe('Certificates of clients; absent: nobody is asked for one.'),
  handshake_timeout: duration('From the connection to the end of its handshake. Past it: close.').prefault('10s'),
  handshakes: wholeNumber(
    'Handshakes under way at once per worker. Past it: connections wait, within the same time.',
    1,
    100_000,
  ).default(1000),
  session_tickets: z
    .boolean()
    .default(true)
    .describe('Lets clients resume sessions by tickets, whichever worker they come to; the keys change by themselves.'),
  strict_sni: z
    .boolean()
    .default(false)
    .describe('Refuses clients that ask for a name which no certificate has, instead of showing the first one.'),
  hsts: switched(hstsSection)
    .optional()
    .describe('Strict-Transport-Security on every response, which tells browsers to come by https only; absent: none.'),
})

function parseServerName(text: string): Parsed<string> {
  return checkHostName(text) ?? accepted(text.toLowerCase())
}

const upstreamTlsSection = z.strictObject({
  server_name: textOf(parseServerName, {
    description: "The name that is asked for (SNI), and that the certificate must be for; absent: the endpoint's host.",
    examples: ['api.internal'],
  }).optional(),
  verify: z.boolean().default(true).describe('Whether the certificate must be valid, and for that name.'),
  ca: file("Authorities that are trusted, in PEM; absent: the system's.", 'certs/ca.pem').optional(),
  crl: file('Revocation lists of those authorities, in PEM.', 'certs/ca.crl').optional(),
  cert: file('A certificate of ours in PEM, for endpoints that ask for one.', 'certs/proxy.crt').optional(),
  key: file('Its private key in PEM; absent: it stands in the file of the certificate.', 'certs/proxy.key').optional(),
  passphrase: passphrase.optional(),
  pins: oneOrMany(
    textOf(parsePin, {
      description: 'SHA-256 of a public key, in base64 (RFC 7469).',
      examples: ['sha256/ogtcGg0FSFDrwFGIJC7f4kF2D48Zf4dtEsdu3hZsJKo='],
    }),
    'needs at least one pin; leave the key out',
  )
    .optional()
    .describe("Public keys of which one must be that of the endpoint's certificate; absent: any."),
  ...profile,
  session_reuse: z.boolean().default(true).describe('Resumes sessions on later connections.'),
})

export const upstreamTls = switched(upstreamTlsSection)
