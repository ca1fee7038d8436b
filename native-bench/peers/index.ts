import type { Peer } from '../frame/peer.ts'
import { bun } from './bun/peer.ts'
import { caddy } from './caddy/peer.ts'
import { fastProxy } from './fast-proxy/peer.ts'
import { fastifyHttpProxy } from './fastify-http-proxy/peer.ts'
import { haproxy } from './haproxy/peer.ts'
import { httpProxy } from './http-proxy/peer.ts'
import { httpxy } from './httpxy/peer.ts'
import { nginx } from './nginx/peer.ts'
import { nodeHttp2 } from './node-http2/peer.ts'
import { nodeNet } from './node-net/peer.ts'
import { sluicePeer } from './sluice/peer.ts'

/** In the order of reports: Sluice, what is compiled, Bun, and what runs on Node. */
export const peers: readonly Peer[] = [
  sluicePeer(),
  nginx,
  haproxy,
  caddy,
  bun,
  fastProxy,
  httpxy,
  httpProxy,
  fastifyHttpProxy,
  nodeHttp2,
  nodeNet,
]
