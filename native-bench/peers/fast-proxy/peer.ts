import { join } from 'node:path'
import { nodePeer } from '../node-peer.ts'

/** It forwards no upgrades: no `websocket`. */
export const fastProxy = nodePeer('fast-proxy', 'fast-proxy', join(import.meta.dirname, 'server.mjs'), [
  'http1',
  'workers',
])
