/** How one origin is several endpoints: it listens on as many addresses of the loopback interface, at the same port. */

/** Addresses that the origin listens on, 127.0.0.1 among them. */
export const ENDPOINTS_MAX = 10

/** The addresses of so many endpoints, with the origin's port. */
export function endpointAddresses(count: number, port: number): string[] {
  return Array.from({ length: count }, (_, index) => `127.0.0.${index + 1}:${port}`)
}
