import { expect, test } from 'vitest'
import { StrictTransport } from '../../../engine/exchange/strict-transport.ts'
import { compileEdits } from '../../../engine/http/field-edits.ts'
import { listenerSnapshot, NO_EDITS } from '../../support/snapshot.ts'
import { listenerTls } from '../../support/tls.ts'

const tls = listenerTls({})
const strictTransportSecurity = 'max-age=60'

test('there is none in plain text, and none where nothing is to be said', () => {
  expect(StrictTransport.of(listenerSnapshot({ strictTransportSecurity }, 0))).toBe(null)
  expect(StrictTransport.of(listenerSnapshot({ tls }, 0))).toBe(null)
})

test('changes of a route are put together with it once, however many responses there are', () => {
  const strict = StrictTransport.of(listenerSnapshot({ tls, strictTransportSecurity }, 0))
  const edits = compileEdits({ ...NO_EDITS, remove: ['server'] }, [], 'response')
  expect(strict?.edits(null)).toBe(strict?.edits(null))
  expect(strict?.edits(edits)).toBe(strict?.edits(edits))
  expect(strict?.edits(edits).names).toBe(edits?.names)
  expect(strict?.edits(edits).lines.toString()).toBe('Strict-Transport-Security: max-age=60\r\n')
})
