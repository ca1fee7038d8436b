import { isIP } from 'node:net'

/** A host without its port and brackets. */
export function nameOfHost(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'))
  return isIP(host) === 6 ? host : host.replace(/:\d*$/, '')
}
