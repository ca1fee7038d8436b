import { join } from 'node:path'
import { nodePeer } from '../node-peer.ts'

export const fastifyHttpProxy = nodePeer(
  'fastify-http-proxy',
  '@fastify/http-proxy',
  join(import.meta.dirname, 'server.mjs'),
  ['http1', 'websocket', 'workers'],
)
