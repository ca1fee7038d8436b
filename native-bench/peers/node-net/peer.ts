import { join } from 'node:path'
import { plainNodePeer } from '../node-peer.ts'

/** What `node:net` and `node:dgram` make of it in a few lines: two pipes, and a socket for each client of UDP. */
export const nodeNet = plainNodePeer('node-net', join(import.meta.dirname, 'server.mjs'), ['tcp', 'udp'])
