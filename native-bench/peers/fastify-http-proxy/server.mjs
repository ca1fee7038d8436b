import fastifyHttpProxy from '@fastify/http-proxy'
import fastify from 'fastify'
import { BACKLOG, ORIGIN_IDLE_MS, runWorkers, tune } from '../node-server.mjs'

runWorkers(async setup => {
  // No logger, which is the default: no line per request.
  const application = fastify()
  await application.register(fastifyHttpProxy, {
    upstream: `http://127.0.0.1:${setup.originPort}`,
    // The default is 128 connections. No pipelining: an origin in front of which a proxy stands cannot be relied upon to
    // bear it.
    undici: { connections: setup.connections, pipelining: 1, keepAliveTimeout: ORIGIN_IDLE_MS },
    // It answers the handshake itself and joins two WebSockets, message by message; there is no other way in it.
    websocket: true,
    // It does not log, but would make the lines.
    disableRequestLogging: true,
    replyOptions: {
      // X-Request-Id and Via, which Sluice adds too, are left out, and so is X-Forwarded-Port.
      rewriteRequestHeaders(request, headers) {
        headers['x-forwarded-for'] = request.socket.remoteAddress
        headers['x-forwarded-host'] = request.raw.headers.host
        headers['x-forwarded-proto'] = 'http'
        return headers
      },
      // The origin's `Connection` is about its own connection: passed on, a client that closes would be told to stay.
      rewriteHeaders(headers) {
        delete headers.connection
        return headers
      },
    },
  })
  tune(application.server)
  await application.listen({ port: setup.port, host: '127.0.0.1', backlog: BACKLOG })
})
