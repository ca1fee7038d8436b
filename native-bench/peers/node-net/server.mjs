import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { BACKLOG, runWorkers } from '../node-server.mjs'

function serveTcp({ port, originPort }) {
  const options = { allowHalfOpen: true, noDelay: true }
  const server = createServer(options, client => {
    const origin = connect({ host: '127.0.0.1', port: originPort, ...options })
    client.on('error', () => origin.destroy())
    origin.on('error', () => client.destroy())
    client.pipe(origin)
    origin.pipe(client)
  })
  server.listen({ port, host: '127.0.0.1', backlog: BACKLOG })
}

function serveUdp({ port, originPort, responses }) {
  const server = createSocket('udp4')
  const flows = new Map()
  server.on('message', (bytes, client) => {
    const key = `${client.address}:${client.port}`
    let flow = flows.get(key)
    if (flow === undefined) {
      flow = openFlow(server, client, originPort, responses, () => flows.delete(key))
      flows.set(key, flow)
    }
    flow(bytes)
  })
  server.bind(port, '127.0.0.1')
}

/** Gives what sends a datagram to the origin. Ends with the last answer that is expected, or never. */
function openFlow(server, { address, port }, originPort, responses, onEnd) {
  const socket = createSocket('udp4')
  const before = []
  let isConnected = false
  let left = 0
  const end = () => {
    socket.close()
    onEnd()
  }
  socket.on('error', end)
  socket.on('message', bytes => {
    server.send(bytes, port, address)
    left -= 1
    if (responses !== null && left === 0) end()
  })
  socket.connect(originPort, '127.0.0.1', () => {
    isConnected = true
    for (const bytes of before) socket.send(bytes)
  })
  return bytes => {
    left += responses ?? 0
    if (isConnected) socket.send(bytes)
    else before.push(bytes)
  }
}

runWorkers(setup => (setup.listens === 'udp' ? serveUdp(setup) : serveTcp(setup)))
