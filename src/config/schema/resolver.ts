import * as z from 'zod'
import { parseResolverAddress } from '../address.ts'
import { duration, textOf } from './scalars.ts'

/** How names of endpoints become addresses: for all upstreams, and key by key for one. */

const addresses = z
  .array(
    textOf(parseResolverAddress, {
      description: 'The IP address of a name server, with a port unless it is 53.',
      examples: ['10.0.0.2', '127.0.0.1:5353', '[fd00::2]:53'],
    }),
  )
  .describe("Name servers to ask; none: the system's.")

const minTtl = duration('How long an answer counts at least, whatever its TTL says.')
const maxTtl = duration('How long an answer counts at most, whatever its TTL says.')
const timeout = duration('For one look-up. Past it: the last good answer goes on.')

export const resolver = z.strictObject({
  addresses: addresses.default([]),
  min_ttl: minTtl.prefault('1s'),
  max_ttl: maxTtl.prefault('1h'),
  timeout: timeout.prefault('5s'),
})

/** What is absent here is as in the top-level section. */
export const upstreamResolver = z.strictObject({
  addresses: addresses.optional(),
  min_ttl: minTtl.optional(),
  max_ttl: maxTtl.optional(),
  timeout: timeout.optional(),
})
