/** How one origin is several endpoints: it listens on as many addresses of the loopback interface, at the same port. */

/** Addresses that the origin listens on, 127.0.0.1 among them. */
export const ENDPOINTS_MAX = 10

/** The hosts of so many endpoints. */
export function endpointHosts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `127.0.0.${index + 1}`)
}

/** Their addresses, with the origin's port. */
export function endpointAddresses(count: number, port: number): string[] {
  return endpointHosts(count).map(host => `${host}:${port}`)
}
