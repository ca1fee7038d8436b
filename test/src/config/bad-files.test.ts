import { readdirSync, readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigurationError } from '../../../src/config/errors.ts'
import { parseConfiguration } from '../../../src/config/load.ts'

/** Each file of `bad/` beside the exact text of its errors: `vitest -u` writes them anew, a person reads the difference. */
const folder = join(import.meta.dirname, 'bad')
const files = readdirSync(folder).filter(name => !name.endsWith('.expected.txt'))

function expectedName(file: string): string {
  return `${basename(file, extname(file))}.expected.txt`
}

describe('a configuration that is wrong is refused with every error at its place', () => {
  test.each(files)('%s', async file => {
    const error = refusal(readFileSync(join(folder, file), 'utf8'), file)
    await expect(`${error.message}\n`).toMatchFileSnapshot(join(folder, expectedName(file)))
  })

  test.each(files)('the errors of %s come in the order of the file and never twice', file => {
    const { problems, message } = refusal(readFileSync(join(folder, file), 'utf8'), file)
    const places = problems.map(({ line, column }) => line * 1_000_000 + column)
    expect(places).toEqual(places.toSorted((one, other) => one - other))
    const lines = message.split('\n')
    expect(lines).toEqual([...new Set(lines)])
    expect(lines.every(line => line.startsWith(`${file}:`))).toBe(true)
  })
})

test('no expectation is left behind by a file that is gone', () => {
  const expectations = readdirSync(folder).filter(name => name.endsWith('.expected.txt'))
  expect(expectations).toEqual(files.map(expectedName).toSorted())
})

function refusal(text: string, file: string): ConfigurationError {
  try {
    parseConfiguration(text, file)
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error(`${file} was accepted`)
}
