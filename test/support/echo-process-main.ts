/** The process of an `EchoProcess`: what comes goes back, over TCP with half-close, over UDP behind the port that it came from. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

const port = Number(process.argv[2])

const server = createServer({ allowHalfOpen: true }, socket => {
  socket.on('error', () => {})
  socket.pipe(socket)
})
server.listen({ port, host: '127.0.0.1', backlog: 4096 })
const datagrams = createSocket('udp4')
datagrams.on('message', (message, from) => {
  datagrams.send(Buffer.concat([Buffer.from(`${from.port} `), message]), from.port, from.address)
})
datagrams.bind(port, '127.0.0.1')
await Promise.all([once(server, 'listening'), once(datagrams, 'listening')])
process.send?.('listening')
// The test has ended, in whatever way.
process.on('disconnect', () => process.exit())
