import * as z from 'zod'
import { CIDR_PATTERN, parseCidr } from '../ip.ts'
import { listenerHttp2 } from './http2.ts'
import { duration, listenerAddress, off, size, textOf, wholeNumber } from './scalars.ts'
import { listenerTls } from './tls.ts'

/** A read slot holds 64 KiB; a head beyond 48 KiB would leave too little of it for what follows the head. */
const HEAD_BYTES_MAX = 48 * 1024

const limits = z.strictObject({
  head: size('Bytes of a request head, request line included. Past it: 431.', 1024, HEAD_BYTES_MAX).prefault('32KiB'),
  fields: wholeNumber('Field lines of a request head. Past it: 431.', 1, 1000).default(100),
  target: size('Bytes of a request target, no more than "head". Past it: 414.', 64, HEAD_BYTES_MAX).prefault('8KiB'),
  connections: wholeNumber(
    'Open connections per worker. Past it: accepting stops until one closes.',
    1,
    1_000_000,
  ).default(10_000),
})

const timeouts = z.strictObject({
  head: duration('From the first byte of a request head to its end. Past it: 408 and close.').prefault('30s'),
  content: duration(
    'Between two reads of request content, or two writes of response content that the client takes. Past it: 408 (or a cut response) and close.',
  ).prefault('60s'),
  idle: duration('A kept-alive connection without a request. Past it: close.').prefault('75s'),
  tunnel: duration('A tunnel (after Upgrade) without a byte in either direction. Past it: close.').prefault('1h'),
})

const paths = z.strictObject({
  dot_segments: z
    .enum(['normalise', 'refuse'])
    .default('normalise')
    .describe('"." and ".." segments, encoded or not: resolved, or answered with 400. Above the root always 400.'),
  empty_segments: z
    .enum(['normalise', 'keep', 'refuse'])
    .default('normalise')
    .describe('Empty segments: "//" becomes "/", stays, or is answered with 400.'),
  encoded_slashes: z
    .enum(['normalise', 'keep', 'refuse'])
    .default('keep')
    .describe(
      '%2F (and %5C): becomes a "/" that separates segments, stays a part of its segment, or is answered with 400.',
    ),
  parameters: z
    .enum(['normalise', 'keep', 'refuse'])
    .default('keep')
    .describe('";" and what follows it in a segment: taken away, kept as a part of the segment, or answered with 400.'),
})

const REDIRECTS = [301, 302, 307, 308] as const

const redirectToHttps = z.strictObject({
  port: wholeNumber('The port of https, as clients see it; absent: that of the listener with "tls".', 1, 65_535)
    .meta({ examples: [443] })
    .optional(),
  status: z
    .literal(REDIRECTS, {
      error: issue => (issue.input === null ? undefined : `must be one of ${REDIRECTS.join(', ')}`),
    })
    .default(308)
    .describe('The status of the redirect; 307 and 308 keep method and content.'),
})

export const listener = z
  .strictObject({
    address: listenerAddress,
    protocol: z.enum(['http']).default('http').describe('What the listener speaks.'),
    tls: listenerTls.optional().describe('Connections are encrypted; absent: plain text.'),
    http2: listenerHttp2
      .prefault({})
      .describe('HTTP/2: by ALPN on connections with TLS, by prior knowledge on others; false for HTTP/1.1 alone.'),
    redirect_to_https: z
      .union([redirectToHttps, z.literal(true).transform(() => redirectToHttps.parse({})), off])
      .optional()
      .describe('Answers every request with a redirect to the same place by https; absent: none.'),
    limits: limits.prefault({}).describe('What one client may ask for.'),
    timeouts: timeouts.prefault({}).describe('How long the listener waits for its clients.'),
    trusted_proxies: z
      .array(
        textOf(parseCidr, {
          pattern: CIDR_PATTERN,
          description: 'An address or a CIDR block, IPv4 or IPv6.',
          examples: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'],
        }),
      )
      .default([])
      .describe('Peers whose X-Forwarded-*, Forwarded and X-Request-Id are believed and extended instead of replaced.'),
    forwarded: z
      .boolean()
      .default(false)
      .describe('Adds Forwarded (RFC 7239) to requests, beside the X-Forwarded-* fields.'),
    paths: paths
      .prefault({})
      .describe(
        'What is done with parts of a path that servers read in different ways. The form that comes out decides the route and is what goes upstream.',
      ),
  })
  .describe('An address that accepts connections.')
