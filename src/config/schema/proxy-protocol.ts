import * as z from 'zod'
import { CIDR_PATTERN, parseCidr } from '../ip.ts'
import { duration, off, switched, textOf } from './scalars.ts'

/** The PROXY protocol: who the client is, told by whoever passes its connection on. */

export const trustedBlock = textOf(parseCidr, {
  pattern: CIDR_PATTERN,
  description: 'An address or a CIDR block, IPv4 or IPv6.',
  examples: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'],
})

const accepted = z.strictObject({
  accept: z.boolean().default(true).describe('Whether connections of trusted peers begin with a header.'),
  trusted: z.array(trustedBlock).min(1, { error: 'needs at least one block; leave the key out' }).optional().meta({
    description:
      'Peers that begin with a header, and are believed; connections of others are taken as they are. Absent: "trusted_proxies". 0.0.0.0/0 and ::/0 for everybody; whoever comes by a unix socket is trusted.',
  }),
  timeout: duration('From the connection to the end of its header. Past it: close.').prefault('10s'),
})

/** Of a listener. */
export const acceptedProxyProtocol = switched(accepted)

const DETAILS = ['authority', 'alpn', 'tls', 'unique_id', 'crc32c'] as const

const sent = z.strictObject({
  version: z.enum(['v1', 'v2']).default('v2').describe('The version: v1 is text, v2 is binary.'),
  details: z
    .array(
      z
        .enum(DETAILS)
        .describe(
          'authority: the name that the client has asked for (SNI). alpn: the protocol that was agreed on. tls: version, cipher and certificate of its encryption. unique_id: a number for the connection. crc32c: a checksum of the header.',
        ),
    )
    .default([])
    .describe('What version 2 says besides addresses, where it is known.'),
})

/** Of an upstream. */
export const sentProxyProtocol = z.union([
  sent,
  z.enum(['v1', 'v2']).transform(version => sent.parse({ version })),
  off,
])
