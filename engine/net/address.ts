import type { Address } from '../snapshot.ts'

/** `127.0.0.1:80`, `[::1]:80`, `unix:/run/x.sock`. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
