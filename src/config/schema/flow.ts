import * as z from 'zod'
import { parseAlpn } from '../alpn.ts'
import { parseServerNamePattern } from '../host.ts'
import { duration, off, oneOrMany, textOf, wholeNumber } from './scalars.ts'

/** What listeners have that pass on what comes as it comes: TCP and UDP. `references.ts` refuses keys of another protocol. */

export const upstreamName = (description: string, example: string) =>
  z.string().meta({ description, examples: [example] })

export const alpnName = textOf(parseAlpn, {
  description: 'A protocol, by its name in ALPN.',
  examples: ['h2', 'http/1.1', 'postgresql'],
})

const serverName = textOf(parseServerNamePattern, {
  description: 'A name, "*." and a name for all below it, or "*" for any name and for none.',
  examples: ['db.example.com', '*.example.com', '*'],
})

const serverNameRule = z.strictObject({
  names: oneOrMany(serverName, 'needs at least one name; write "*" for any').describe(
    'Names that the handshake may ask for.',
  ),
  alpn: oneOrMany(alpnName, 'needs at least one protocol; leave the key out')
    .optional()
    .describe('Protocols of which the client offers one; absent: any, or none.'),
  upstream: upstreamName('The upstream of such connections.', 'internal'),
})

/** The first that fits is taken. */
export const serverNames = z
  .array(serverNameRule.describe('Connections whose handshake asks for such a name.'))
  .min(1, { error: 'needs at least one rule; leave the key out' })

export const firstBytes = z
  .strictObject({
    http: upstreamName('The upstream of requests in plain text, of HTTP/1 or HTTP/2.', 'web').optional(),
    proxy: upstreamName(
      'The upstream of connections that begin with a header of the PROXY protocol, which goes on as it came.',
      'behind',
    ).optional(),
    tls: upstreamName('The upstream of handshakes of TLS that no rule of "sni" takes.', 'secure').optional(),
  })
  .meta({ minProperties: 1 })

const AMPLIFICATION_MAX = 1_000_000
const amplificationMessage = () => `must be a number from 1 to ${AMPLIFICATION_MAX}, or off`

export const udp = z.strictObject({
  idle: duration('A flow without a datagram in either direction. Past it: it ends.').prefault('30s'),
  responses: wholeNumber(
    'Datagrams with which an endpoint answers each of the client; when they have come the flow ends. Absent: nobody knows.',
    0,
    65_535,
  )
    .meta({ examples: [1] })
    .optional(),
  amplification: z
    .union(
      [
        z
          .number()
          .min(1, { error: amplificationMessage })
          .max(AMPLIFICATION_MAX, { error: amplificationMessage })
          .meta({ examples: [10] }),
        off,
      ],
      { error: issue => (issue.input === null ? undefined : amplificationMessage()) },
    )
    .prefault('off')
    .describe(
      'Bytes that a client may be sent for each byte that came from it, over the life of its flow: a bound for what forged addresses can be sent. Past it: dropped.',
    ),
})
