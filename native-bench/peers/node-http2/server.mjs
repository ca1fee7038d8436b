import { readFileSync } from 'node:fs'
import { Agent, request as requestOfHttp1 } from 'node:http'
import { connect, constants, createSecureServer, createServer } from 'node:http2'
import { agentOptions, BACKLOG, runWorkers } from '../node-server.mjs'

/** Of one connection of HTTP/1.1, and not to be passed on. */
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection'])

function forwardedFields(headers, stream, setup) {
  const fields = { ...headers }
  const authority = headers[':authority'] ?? ''
  for (const name of Object.keys(fields)) if (name.startsWith(':')) delete fields[name]
  fields.host ??= authority
  fields['x-forwarded-for'] = stream.session.socket.remoteAddress
  fields['x-forwarded-proto'] = headers[':scheme']
  fields['x-forwarded-host'] = authority
  fields['x-forwarded-port'] = String(setup.port)
  fields.via = '2 node'
  return fields
}

function toHttp1(stream, headers, setup, agent) {
  const request = requestOfHttp1({
    agent,
    host: '127.0.0.1',
    port: setup.originPort,
    method: headers[':method'],
    path: headers[':path'],
    headers: forwardedFields(headers, stream, setup),
  })
  request.on('response', response => {
    const fields = { ':status': response.statusCode }
    for (const [name, value] of Object.entries(response.headers)) if (!OF_CONNECTION.has(name)) fields[name] = value
    if (stream.destroyed) return response.destroy()
    stream.respond(fields)
    response.pipe(stream)
  })
  request.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
  if (stream.endAfterHeaders) request.end()
  else stream.pipe(request)
}

function toHttp2(stream, headers, setup, session) {
  const { host, ...fields } = forwardedFields(headers, stream, setup)
  const pseudo = { ':method': headers[':method'], ':path': headers[':path'], ':authority': host }
  const request = session.request({ ...pseudo, ...fields }, { endStream: stream.endAfterHeaders })
  let trailers = {}
  request.on('response', response => {
    if (stream.destroyed) return
    stream.respond(response, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    request.pipe(stream)
  })
  request.on('trailers', received => {
    trailers = { ...received }
  })
  request.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
  if (!stream.endAfterHeaders) stream.pipe(request)
}

runWorkers(setup => {
  const agent = new Agent(agentOptions(setup))
  let session = null
  const sessionToOrigin = () => {
    if (session === null || session.closed) {
      session = connect(`http://127.0.0.1:${setup.originPort}`)
      session.on('error', () => {})
    }
    return session
  }
  const server =
    setup.certificate === null
      ? createServer()
      : createSecureServer({
          key: readFileSync(setup.certificate.key),
          cert: readFileSync(setup.certificate.certificate),
          ciphers: 'TLS_AES_128_GCM_SHA256',
        })
  server.on('sessionError', () => {})
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    if (setup.originSpeaks === 'h2c') toHttp2(stream, headers, setup, sessionToOrigin())
    else toHttp1(stream, headers, setup, agent)
  })
  server.listen({ port: setup.port, host: '127.0.0.1', backlog: BACKLOG })
})
