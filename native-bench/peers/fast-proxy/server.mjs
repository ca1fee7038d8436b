import { createServer } from 'node:http'
import createFastProxy from 'fast-proxy'
import { BACKLOG, ORIGIN_IDLE_MS, runWorkers, tune } from '../node-server.mjs'

runWorkers(setup => {
  const { proxy } = createFastProxy({
    base: `http://127.0.0.1:${setup.originPort}`,
    // Its faster client. No pipelining: an origin in front of which a proxy stands cannot be relied upon to bear it.
    undici: { connections: setup.connections, pipelining: 1, keepAliveTimeout: ORIGIN_IDLE_MS },
  })
  const options = {
    // fast-proxy adds X-Forwarded-Host by itself; these two are as cheap. X-Forwarded-Port, X-Request-Id and Via, which
    // Sluice adds too, are left out.
    rewriteRequestHeaders(request, headers) {
      headers['x-forwarded-for'] = request.socket.remoteAddress
      headers['x-forwarded-proto'] = 'http'
      return headers
    },
  }
  const server = createServer((request, response) => proxy(request, response, request.url, options))
  tune(server).listen({ port: setup.port, host: '127.0.0.1', backlog: BACKLOG })
})
