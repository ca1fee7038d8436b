import cluster from 'node:cluster'

/** What every server on Node shares, so that they differ by their proxy alone. */

/** As nginx's `listen` has it: 511 of Node's default are few when thousands of connections come at once. */
export const BACKLOG = 4096

/** The idle connections to the origin stay for as long as with every other peer, in ms. */
export const ORIGIN_IDLE_MS = 60_000

/**
 * Calls `serve(setup)` in this process or, with several workers, in as many child processes; the parent then hands out
 * connections in turn and does nothing else. Children end with the parent: `node:cluster` sees to it.
 */
export function runWorkers(serve) {
  const setup = JSON.parse(process.argv[2])
  if (setup.workers === 1 || cluster.isWorker) {
    serve(setup)
    return
  }
  for (let index = 0; index < setup.workers; index += 1) cluster.fork()
}

/** Lifts the limits in time of a `node:http` server: idle connections are held while a scenario needs them. */
export function tune(server) {
  // Without one (the default is 5 s) each request saves setting a timer twice and a field `Keep-Alive`.
  server.keepAliveTimeout = 0
  // A connection that has sent nothing yet is under these two (60 s and 300 s).
  server.headersTimeout = 0
  server.requestTimeout = 0
  return server
}

/** Options of the `http.Agent` to the origin: keep-alive, and as many connections as the load needs. */
export function agentOptions(setup) {
  // The latest idle connection first (lifo, the default): the others cool down and few are in use.
  return { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: setup.connections }
}
