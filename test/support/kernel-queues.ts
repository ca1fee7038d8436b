import { readFileSync } from 'node:fs'

/** Bytes that lie in the kernel for one TCP connection over 127.0.0.1. */
export interface KernelQueues {
  /** Written by the owner of the local port and not yet acknowledged. */
  readonly unacknowledged: number
  /** Received for the owner of the local port and not yet read. */
  readonly unread: number
}

/** The kernel's table of TCP connections as it is now, to look several of them up in. */
export function connectionTable(): string {
  return readFileSync('/proc/net/tcp', 'utf8')
}

const addressOf = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`

function readQueues(text: string): KernelQueues {
  const [sent = '', received = ''] = text.split(':')
  return { unacknowledged: Number.parseInt(sent, 16), unread: Number.parseInt(received, 16) }
}

/**
 * The end of the connection between two ports that has the first one, as Linux tells in `/proc/net/tcp`. When both ends
 * are at rest the bytes under way from A to B are A's `unacknowledged` and B's `unread`, without any counted twice.
 */
export function kernelQueues(table: string, localPort: number, remotePort: number): KernelQueues {
  const ends = `${addressOf(localPort)} ${addressOf(remotePort)} `
  const at = table.indexOf(ends)
  if (at < 0) throw new Error(`no connection from port ${localPort} to port ${remotePort}`)
  const [, queues = ''] = table.slice(at + ends.length, at + ends.length + 40).split(' ')
  return readQueues(queues)
}

/** Bytes that have come from whoever has a port, on all connections to it, and have not been read. */
export function unreadFrom(table: string, remotePort: number): number {
  const rows = table.matchAll(new RegExp(` ${addressOf(remotePort)} \\w\\w (\\w+:\\w+)`, 'g'))
  return [...rows].reduce((sum, [, queues = '']) => sum + readQueues(queues).unread, 0)
}
