import * as z from 'zod'
import { firstBytes, serverNames, udp, upstreamName } from './flow.ts'
import { listenerHttp2 } from './http2.ts'
import { acceptedProxyProtocol, trustedBlock } from './proxy-protocol.ts'
import { duration, listenerAddress, off, size, wholeNumber } from './scalars.ts'
import { listenerTls } from './tls.ts'

/** A read slot holds 64 KiB; a head beyond 48 KiB would leave too little of it for what follows the head. */
const HEAD_BYTES_MAX = 48 * 1024

const COUNT_MAX = 1_000_000
const KIB = 1024
const RATE_MAX = 1024 ** 4

const newConnections = z.strictObject({
  rate: wholeNumber('New ones per second, over all workers.', 1, COUNT_MAX).meta({ examples: [100] }),
  burst: wholeNumber('New ones that may come at once; absent: as many as "rate".', 1, COUNT_MAX)
    .meta({ examples: [200] })
    .optional(),
})

function rate(description: string) {
  return z
    .union([size('Bytes per second.', KIB, RATE_MAX), off])
    .prefault('off')
    .describe(`${description} A size per second, such as 10MiB, or off.`)
}

/** Of all protocols; `references.ts` refuses the keys of another one. */
const limits = z.strictObject({
  head: size('Bytes of a request head, request line included. Past it: 431.', 1024, HEAD_BYTES_MAX).prefault('32KiB'),
  fields: wholeNumber('Field lines of a request head. Past it: 431.', 1, 1000).default(100),
  target: size('Bytes of a request target, no more than "head". Past it: 414.', 64, HEAD_BYTES_MAX).prefault('8KiB'),
  connections: wholeNumber(
    'Open connections per worker. Past it: accepting stops until one closes. For udp flows, of which the one that has been idle for the longest ends then.',
    1,
    COUNT_MAX,
  ).default(10_000),
  connections_per_client: z
    .union([wholeNumber('Open ones of one client address.', 1, COUNT_MAX).meta({ examples: [100] }), off])
    .prefault('off')
    .describe(
      'Open connections (for udp flows) of one client address, over all workers, or off. Past it: new ones are refused.',
    ),
  new_connections: z
    .union([newConnections, off])
    .prefault('off')
    .describe('How fast new connections (for udp flows) may come, or off. Past it: refused.'),
  upload_rate: rate('For tcp: bytes per second that one connection may send.'),
  download_rate: rate('For tcp: bytes per second that one connection may be sent.'),
})

/** As `limits`. */
const timeouts = z.strictObject({
  head: duration('From the first byte of a request head to its end. Past it: 408 and close.').prefault('30s'),
  content: duration(
    'Between two reads of request content, or two writes of response content that the client takes. Past it: 408 (or a cut response) and close.',
  ).prefault('60s'),
  idle: duration(
    'A kept-alive connection without a request; for tcp a connection without a byte in either direction. Past it: close. Absent: 75s, for tcp 1h.',
  ).optional(),
  tunnel: duration('A tunnel (after Upgrade) without a byte in either direction. Past it: close.').prefault('1h'),
  half_close: duration(
    'For tcp: a connection without a byte once one side has ended its half. Past it: close.',
  ).prefault('5m'),
  first_bytes: duration(
    'For tcp: how long the first bytes of the client are waited for, where "sni" or "first_bytes" goes by them. Past it: "upstream" has the connection; without one it is closed.',
  ).prefault('3s'),
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
    protocol: z
      .enum(['http', 'tcp', 'udp'])
      .default('http')
      .describe('What the listener speaks; tcp and udp pass on to "upstream" what comes, as it comes.'),
    upstream: upstreamName(
      'For tcp and udp: where connections and datagrams go. For tcp those that "sni" and "first_bytes" do not take; absent: they are closed.',
      'postgres',
    ).optional(),
    sni: serverNames
      .optional()
      .describe(
        'For tcp: where connections go by the name that their handshake of TLS asks for, the first rule that fits. The handshake is read and goes on as it came, or ends here with "tls".',
      ),
    first_bytes: firstBytes
      .optional()
      .describe('For tcp: where connections go by what their first bytes are, so that one port has several protocols.'),
    udp: udp.prefault({}).describe('For udp: what a flow is, the datagrams of one client address and port.'),
    proxy_protocol: acceptedProxyProtocol
      .optional()
      .describe(
        'A header of the PROXY protocol (versions 1 and 2) says who the client is, of peers that are trusted; absent: none is looked for.',
      ),
    tls: listenerTls.optional().describe('Connections are encrypted, and decrypted here; absent: plain text.'),
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
      .array(trustedBlock)
      .default([])
      .describe(
        'Peers whose X-Forwarded-*, Forwarded and X-Request-Id are believed and extended instead of replaced; and whose headers of the PROXY protocol are, where "proxy_protocol" names none.',
      ),
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
