import { describe, expect, it } from 'vitest'
import { acceptWebSocketKey, makeWebSocketKey } from '../../../engine/http2/websocket.ts'

describe('the key of a WebSocket', () => {
  it('is 16 bytes in base 64, others each time', () => {
    const keys = Array.from({ length: 20 }, makeWebSocketKey)
    expect(new Set(keys).size).toBe(20)
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9+/]{22}==$/)
  })

  it('is answered as RFC 6455, section 1.3, has it', () => {
    expect(acceptWebSocketKey('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  })
})
