import { expect, test } from 'vitest'
import { printable, printableJson, printableTexts } from '../../../src/explain/printable.ts'

const HOSTILE = 'a\u001b[31m\u009b2J\u202eb\r\nc\u007f\u2028'

test('what a terminal would obey is spelled out, and the rest stands as it is', () => {
  expect(printable(HOSTILE)).toBe('a\\u001b[31m\\u009b2J\\u202eb\\r\\nc\\u007f\\u2028')
  expect(printable('grün → 日本 🙂 \\ "x"')).toBe('grün → 日本 🙂 \\ "x"')
})

test('so are the texts of a whole, names among them', () => {
  expect(printableTexts({ 'x\u0007': ['\u001b', 1, null, { y: 'z' }] })).toEqual({
    'x\\u0007': ['\\u001b', 1, null, { y: 'z' }],
  })
})

test('JSON says the same to programs', () => {
  const text = printableJson({ [HOSTILE]: HOSTILE })
  expect(text).toMatch(/^[\n\u0020-\u007e]*$/)
  expect(JSON.parse(text)).toEqual({ [HOSTILE]: HOSTILE })
})
