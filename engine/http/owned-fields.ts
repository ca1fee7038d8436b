/**
 * Fields that say where a message ends or what a connection does, in lower case. The proxy writes them itself: one that
 * a configuration sets or takes away would let the two sides disagree about framing (request smuggling).
 */
export const OWNED_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
