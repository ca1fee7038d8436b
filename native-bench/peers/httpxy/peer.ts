import { join } from 'node:path'
import { nodePeer } from '../node-peer.ts'

export const httpxy = nodePeer('httpxy', 'httpxy', join(import.meta.dirname, 'server.mjs'), [
  'http1',
  'websocket',
  'workers',
])
