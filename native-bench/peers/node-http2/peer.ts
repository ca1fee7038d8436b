import { join } from 'node:path'
import { plainNodePeer } from '../node-peer.ts'

/** What Node has of HTTP/2, put together to a proxy as its documentation has it: what Sluice's own is measured against. */
export const nodeHttp2 = plainNodePeer('node-http2', join(import.meta.dirname, 'server.mjs'), ['h2', 'h2c', 'grpc'])
