import fc from 'fast-check'
import { expect, test } from 'vitest'
import { offsetOf } from '../../../../src/config/positions.ts'
import { parsePlaceholders } from '../../../../src/config/sources/placeholders.ts'
import { readToml } from '../../../../src/config/sources/toml.ts'
import { readYaml } from '../../../../src/config/sources/yaml.ts'

/** Pieces that languages give a meaning to, so that random texts get somewhere. */
const piece = fc.constantFrom(
  ...['a', 'b.c', '"x"', "'y'", '"""', "'''", ' = ', ': ', '\n', '\r\n', '[', ']', '[[', ']]', '{', '}', ', ', '# c'],
  ...[
    '1',
    '-0x1f',
    '1e9',
    '1979-05-27',
    '07:32:00Z',
    'true',
    '\\u00e9',
    '\\',
    '&a ',
    '*a',
    '<<',
    '- ',
    '? ',
    '!t ',
    '|',
    '\t',
  ],
  ...['${', '}', '$${', '${A', ':-', 'file:', '\u0000', '\ud800', '\ufeff', '__proto__', '.', '_'],
)
const text = fc.oneof(
  fc.array(piece, { maxLength: 40 }).map(pieces => pieces.join('')),
  fc.string(),
)

test.each([
  ['TOML', readToml],
  ['YAML', readYaml],
])('%s of any kind is read or refused, with every finding within the text', (_, read) => {
  fc.assert(
    fc.property(text, any => {
      const source = read(any, 'any')
      for (const finding of source.findings) {
        const { line, column } = source.positionOf(offsetOf(source.root, finding))
        expect(line).toBeGreaterThan(0)
        expect(line).toBeLessThanOrEqual(any.split('\n').length)
        expect(column).toBeGreaterThan(0)
        expect([finding.message, finding.code]).not.toContain('')
      }
    }),
    { numRuns: 2000 },
  )
})

test('placeholders of any text are parsed or refused, and a text without any is as it was', () => {
  fc.assert(
    fc.property(text, fc.boolean(), (any, isTemplate) => {
      const parsed = parsePlaceholders(any, isTemplate)
      if (parsed.ok && !any.includes('${')) expect(parsed.value.join('')).toBe(any)
    }),
    { numRuns: 2000 },
  )
})
