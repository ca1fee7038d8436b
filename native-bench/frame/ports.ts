import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Below the ports that systems give to outgoing connections: the load opens many of those. */
const FIRST = 20_000
const LAST = 30_000

/** A port of 127.0.0.1 for somebody who has to be told one: nobody listens on it now. */
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

/** Whether anybody accepts connections there now. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Resolves when somebody accepts on the port; rejects after `timeoutMs`, or with what `failure` says before that. */
export function accepting(port: number, timeoutMs: number, failure: () => string | null): Promise<void> {
  return until(() => isOpen(port), timeoutMs, failure, 'accepts')
}

/** As `accepting`, for a port of UDP: nobody is disturbed by the question. */
export function receiving(port: number, timeoutMs: number, failure: () => string | null): Promise<void> {
  return until(() => isBoundUdp(readFileSync('/proc/net/udp', 'utf8'), port), timeoutMs, failure, 'takes datagrams')
}

/** Whether a table of the system's sockets of UDP has one at this port of 127.0.0.1, or of all addresses. */
export function isBoundUdp(table: string, port: number): boolean {
  const suffix = port.toString(16).toUpperCase().padStart(4, '0')
  // The address is that of the memory: the first byte of 127.0.0.1 comes last.
  return new RegExp(`^\\s*\\d+: (?:0100007F|00000000):${suffix} `, 'm').test(table)
}

async function until(
  isSo: () => boolean | Promise<boolean>,
  timeoutMs: number,
  failure: () => string | null,
  what: string,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await isSo())) {
    const reason = failure()
    if (reason !== null) throw new Error(reason)
    if (performance.now() > deadline) throw new Error(`nothing ${what} on its port after ${timeoutMs / 1000} s`)
    await pause(20)
  }
}
