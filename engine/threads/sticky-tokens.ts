/**
 * The values of sticky cookies: for each endpoint a code that only the holder of the secret can make (HMAC-SHA256). It
 * names the endpoint to us, and tells others nothing of it. With the same secret, proxies beside each other, and this one
 * after a restart, give the same.
 */
import type { UpstreamSnapshot } from '../snapshot.ts'

export interface Tokens {
  /** Empty for an upstream without a cookie of ours. */
  of(upstream: UpstreamSnapshot, address: string): string
}

/** Bytes of the code that are kept: nobody guesses 128 bits. */
const CODE_BYTES = 16
const SECRET_BYTES = 32

/** `null` where no upstream has one. */
export async function openTokens(upstreams: readonly UpstreamSnapshot[]): Promise<Tokens | null> {
  if (!upstreams.some(({ sticky }) => sticky?.kind === 'own')) return null
  // Imported when it is needed: it costs memory that most have no use for.
  const { createHmac, randomBytes } = await import('node:crypto')
  const made = randomBytes(SECRET_BYTES)
  return {
    of(upstream, address) {
      const { sticky, name } = upstream
      if (sticky === null || sticky.kind !== 'own') return ''
      const code = createHmac('sha256', sticky.secret === '' ? made : sticky.secret).update(`${name}\n${address}`)
      return code.digest().subarray(0, CODE_BYTES).toString('base64url')
    },
  }
}
