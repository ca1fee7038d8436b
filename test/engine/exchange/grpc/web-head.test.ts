import { describe, expect, it } from 'vitest'
import { GrpcCall } from '../../../../engine/exchange/grpc/call.ts'
import { NO_TIMEOUT } from '../../../../engine/exchange/grpc/timeout.ts'
import { changeHead } from '../../../../engine/exchange/grpc/web-head.ts'
import { GrpcWebRequest } from '../../../../engine/exchange/grpc/web-request.ts'
import { CONTENT_LENGTH } from '../../../../engine/http/field-names.ts'
import { CHUNKED_CONTENT } from '../../../../engine/http/framing.ts'
import { GRPC_WEB_TEXT } from '../../../../engine/http/grpc-kind.ts'
import { ofHead } from '../../routing/request-head.ts'

const LINES = ['POST /a.B/C?d HTTP/1.1', 'Content-Type: x/y', 'Content-Length: 8', 'Host:  a.example ', 'X: 1']

describe('a head without some of its lines and with others', () => {
  it('is read as if it had come so', () => {
    ofHead(LINES, ({ head }) => {
      const changed = changeHead(head, new Set(['content-type']), [['content-length', '9']]).head
      const fields = Array.from({ length: changed.fieldCount }, (_, index) => [
        changed.name(index),
        changed.value(index),
      ])
      expect(fields).toEqual([
        ['Content-Length', '8'],
        ['Host', 'a.example'],
        ['X', '1'],
        ['content-length', '9'],
      ])
      expect(changed.ids[0]).toBe(CONTENT_LENGTH)
      expect(changed.ids[3]).toBe(CONTENT_LENGTH)
      expect(changed.text(changed.targetStart, changed.targetEnd)).toBe('/a.B/C?d')
      expect(changed.text(0, changed.length)).toBe(
        'POST /a.B/C?d HTTP/1.1\r\nContent-Length: 8\r\nHost:  a.example \r\nX: 1\r\ncontent-length: 9\r\n\r\n',
      )
      expect(changed.lineEnd(3)).toBe(changed.length - 2)
    })
  })
})

describe('a call in text', () => {
  it('knows its host, path and framing once it is one of gRPC', () => {
    ofHead(LINES, request => {
      const call = new GrpcCall(GRPC_WEB_TEXT, 'application/grpc-web-text+proto', NO_TIMEOUT)
      const { head, facts, host, path, query } = new GrpcWebRequest(call).translate(request)
      expect([host, path, query]).toEqual(['a.example', '/a.B/C', 'd'])
      expect(head.text(facts.hostStart, facts.hostEnd)).toBe('a.example')
      expect(facts.framing).toBe(CHUNKED_CONTENT)
      expect(facts.acceptsTrailers).toBe(true)
      expect(head.value(head.fieldCount - 1)).toBe('application/grpc+proto')
    })
  })
})
