import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ConfigurationError, formatProblem } from '../../../src/config/errors.ts'
import { parseConfiguration } from '../../../src/config/load.ts'
import { PROBLEM_CODES } from '../../../src/config/problem-codes.ts'
import { closeKeys, goldenFolder } from '../../support/certificate-files.ts'

const root = join(import.meta.dirname, '../../..')
const docs = readFileSync(join(root, 'docs/configuration-errors.md'), 'utf8')

interface Section {
  readonly code: string
  readonly text: string
  readonly example: string
  readonly lines: readonly string[]
}

const sections: Section[] = docs
  .split(/^## /m)
  .slice(1)
  .map(section => ({
    code: /^`([^`]+)`/.exec(section)?.[1] ?? '',
    text: section.replaceAll(/\s+/g, ' '),
    example: /```yml\n([\s\S]*?)```/.exec(section)?.[1] ?? '',
    lines: (/```text\n([\s\S]*?)\n```/.exec(section)?.[1] ?? '').split('\n'),
  }))

test('the docs explain every code of the catalogue, in its order, and no other', () => {
  expect(sections.map(({ code }) => code)).toEqual(Object.keys(PROBLEM_CODES))
})

test.each(sections)('the docs say of $code what the catalogue says, and what to do', ({ code, text }) => {
  const { severity, title, explanation } = PROBLEM_CODES[code as keyof typeof PROBLEM_CODES]
  const kind = severity === 'error' ? 'Error' : 'Warning'
  expect(text).toContain(`**${kind}: ${title}.** ${explanation}`)
  expect(text).toContain('**What to do:** ')
})

describe('the examples of the docs are told what stands beside them', () => {
  test.each(sections.filter(({ example }) => example !== ''))('$code', ({ code, example, lines }) => {
    const told = problemsOf(example).filter(line => line.endsWith(`[${code}]`))
    expect(told).toEqual(lines)
  })
})

beforeAll(closeKeys)

/** The certificates that the docs name are beside the file. */
function problemsOf(text: string): string[] {
  return told(text).map(line => line.replaceAll(`${goldenFolder}/`, ''))
}

function told(text: string): string[] {
  try {
    return parseConfiguration(text.trimEnd(), join(goldenFolder, 'sluice.yaml')).warnings.map(formatProblem)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(formatProblem)
    throw error
  }
}

test('every code of the catalogue is given somewhere in the source', () => {
  const folder = join(root, 'src')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const source = files
    .filter(name => !name.endsWith('problem-codes.ts'))
    .map(name => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
  // Names that are not there: by the kind of what is missing (checks/names.ts).
  const byKind = ['unknown-listener', 'unknown-upstream', 'unknown-route']
  const isGiven = (code: string) => source.includes(`'${code}'`) || byKind.includes(code)
  expect(Object.keys(PROBLEM_CODES).filter(code => !isGiven(code))).toEqual([])
})
