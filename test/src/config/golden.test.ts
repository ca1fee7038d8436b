import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ConfigurationError, formatProblem, type Problem } from '../../../src/config/errors.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import { PROBLEM_CODES } from '../../../src/config/problem-codes.ts'
import { closeKeys, goldenFolder as folder } from '../../support/certificate-files.ts'

/**
 * Each file of `golden/` beside the exact text of what is said of it. `UPDATE_GOLDEN=1` writes the texts anew; a person
 * reads the difference: would somebody who is tired know what to do?
 */
const names = readdirSync(folder)
const files = names.filter(name => !name.endsWith('.txt') && extname(name) !== '')
const updates = process.env.UPDATE_GOLDEN === '1'

beforeAll(closeKeys)

function textName(file: string): string {
  return `${file.slice(0, -extname(file).length)}.txt`
}

/** What is said of it, warnings included, with the names of files as somebody would see them who stands in the folder. */
async function problemsOf(file: string): Promise<readonly Problem[]> {
  const path = join(folder, file)
  const problems = await loadConfiguration(path).then(
    ({ warnings }) => warnings,
    (error: unknown) => {
      if (error instanceof ConfigurationError) return error.problems
      throw error
    },
  )
  const near = (text: string) => text.replaceAll(`${folder}/`, '')
  return problems.map(problem => ({ ...problem, file: near(problem.file), message: near(problem.message) }))
}

describe('of a configuration with mistakes everything is said, each at its place', () => {
  test.each(files)('%s', async file => {
    const problems = await problemsOf(file)
    const text = problems.map(problem => `${formatProblem(problem)}\n`).join('')
    if (updates) writeFileSync(join(folder, textName(file)), text)
    expect(text).toBe(readFileSync(join(folder, textName(file)), 'utf8'))
    expect(text).not.toBe('')
  })

  test.each(files)('what is said of %s comes in the order of the file and never twice', async file => {
    const problems = await problemsOf(file)
    const places = problems.map(({ line, column }) => line * 1_000_000 + column)
    if (new Set(problems.map(problem => problem.file)).size === 1) {
      expect(places).toEqual(places.toSorted((one, other) => one - other))
    }
    const lines = problems.map(formatProblem)
    expect(lines).toEqual([...new Set(lines)])
  })
})

test('no text is left behind by a file that is gone', () => {
  expect(names.filter(name => name.endsWith('.txt')).toSorted()).toEqual(files.map(textName).toSorted())
})

/** What no file can show. */
const WITHOUT_FILE: readonly string[] = ['no-configuration']

test('every code is shown by a file', async () => {
  const shown = new Set((await Promise.all(files.map(problemsOf))).flat().map(({ code }) => code))
  expect(Object.keys(PROBLEM_CODES).filter(code => !shown.has(code as Problem['code']))).toEqual(WITHOUT_FILE)
})
