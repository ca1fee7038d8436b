/** A proxy by Bun's own means: `Bun.serve`, `fetch` and `WebSocket`. */
const setup = JSON.parse(process.argv[2])
const origin = `127.0.0.1:${setup.originPort}`

/** What may wait for a WebSocket of the origin that is not open yet, in messages. Past it: close. */
const WAITING_MAX = 1000

// Several processes listen at the same port, and the kernel gives each its connections: Bun has no threads that share a
// server. The first one ends the others; should it die without a word, they notice by the channel to it.
const isFirst = process.send === undefined
if (isFirst) startOthers(setup.workers - 1)
else process.on('disconnect', () => process.exit())

Bun.serve({
  hostname: '127.0.0.1',
  port: setup.port,
  reusePort: setup.workers > 1,
  development: false,
  // Idle connections are held (default 10 s), and uploads have no limit (default 128 MiB).
  idleTimeout: 0,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  fetch: forward,
  websocket: {
    idleTimeout: 0,
    open: openToOrigin,
    message: sendToOrigin,
    close: socket => socket.data.toOrigin.close(),
  },
})

function forward(request, server) {
  const { url, method, headers, body } = request
  const target = url.slice(url.indexOf('/', 'http://'.length))
  if (headers.get('upgrade') === 'websocket' && server.upgrade(request, { data: { target } })) return
  // Fields of this connection alone do not go on. The others are set as Sluice does; X-Forwarded-Port, X-Request-Id and
  // Via are left out.
  const forwarded = new Headers(headers)
  forwarded.delete('connection')
  forwarded.set('x-forwarded-for', server.requestIP(request).address)
  forwarded.set('x-forwarded-proto', 'http')
  forwarded.set('x-forwarded-host', headers.get('host'))
  return fetch(`http://${origin}${target}`, {
    method,
    headers: forwarded,
    body,
    // What the origin says goes on as it is: redirections, and content that is compressed.
    redirect: 'manual',
    decompress: false,
  })
}

function openToOrigin(socket) {
  const toOrigin = new WebSocket(`ws://${origin}${socket.data.target}`)
  toOrigin.binaryType = 'nodebuffer'
  toOrigin.onmessage = event => socket.send(event.data)
  toOrigin.onopen = () => {
    for (const message of socket.data.waiting) toOrigin.send(message)
    socket.data.waiting.length = 0
  }
  // An error is followed by a close.
  toOrigin.onclose = () => socket.close()
  socket.data.toOrigin = toOrigin
  socket.data.waiting = []
}

function sendToOrigin(socket, message) {
  const { toOrigin, waiting } = socket.data
  if (toOrigin.readyState === WebSocket.OPEN) toOrigin.send(message)
  else if (waiting.length < WAITING_MAX) waiting.push(message)
  else socket.close()
}

function startOthers(count) {
  const command = [process.execPath, import.meta.path, process.argv[2]]
  const others = Array.from({ length: count }, () =>
    Bun.spawn(command, { ipc() {}, stdio: ['ignore', 'inherit', 'inherit'] }),
  )
  process.on('SIGTERM', () => {
    for (const other of others) other.kill()
    process.exit()
  })
}
