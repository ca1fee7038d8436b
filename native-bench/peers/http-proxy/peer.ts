import { join } from 'node:path'
import { nodePeer } from '../node-peer.ts'

export const httpProxy = nodePeer('http-proxy', 'http-proxy', join(import.meta.dirname, 'server.mjs'), [
  'http1',
  'websocket',
  'workers',
])
