/**
 * Node's own `tls` and `crypto`, which make contexts for OpenSSL. They are loaded by those threads alone that encrypt something,
 * before anything is made of a configuration: 4 MB that others need not pay.
 */
type Tls = typeof import('node:tls')
type Crypto = typeof import('node:crypto')

export interface TlsLibrary {
  readonly tls: Tls
  readonly crypto: Crypto
}

let loaded: TlsLibrary | null = null

export async function loadTls(): Promise<void> {
  if (loaded !== null) return
  const [tls, crypto] = await Promise.all([import('node:tls'), import('node:crypto')])
  loaded = { tls, crypto }
}

/** @throws {Error} when nobody has waited for `loadTls`: a defect of ours. */
export function tlsLibrary(): TlsLibrary {
  if (loaded === null) throw new Error('nothing can be encrypted before `loadTls` has ended')
  return loaded
}
