import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy'
import { agentOptions, BACKLOG, runWorkers, tune } from '../node-server.mjs'

// It calls `util._extend`, of which Node warns.
process.noDeprecation = true

runWorkers(setup => {
  const proxy = httpProxy.createProxyServer({
    target: { host: '127.0.0.1', port: setup.originPort },
    // Without an agent http-proxy sends `Connection: close` and opens a connection for every request.
    agent: new Agent(agentOptions(setup)),
    // X-Forwarded-For, -Proto, -Port and -Host. X-Request-Id and Via, which Sluice adds too, are not its business.
    xfwd: true,
  })
  // An origin or client that goes away ends its exchange, not the process.
  proxy.on('error', (_error, _request, response) => response.destroy())
  const server = createServer((request, response) => proxy.web(request, response))
  server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head))
  tune(server).listen({ port: setup.port, host: '127.0.0.1', backlog: BACKLOG })
})
