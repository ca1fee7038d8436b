import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the ports that systems give to outgoing connections, so that none of those takes it away meanwhile. */
const FIRST = 20_000
const LAST = 30_000

/** A port of 127.0.0.1 for somebody who has to be told one: nobody listens on it now, and hardly anybody will. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST)
    const isFree = await new Promise<boolean>(resolve => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
