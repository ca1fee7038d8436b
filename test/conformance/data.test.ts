import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { listOf, requestFiles, responseFiles, textOf } from './cases.ts'

const part = z.union([z.string(), z.strictObject({ repeat: z.string().min(1), times: z.int().positive() })])
const parts = z.union([z.string(), z.array(part)])
const oneOrMore = <T extends z.ZodType>(value: T) => z.union([value, z.array(value).min(1)])
const fieldLine = z.string().regex(/^[^:\s]+: /)
const lowerCaseName = z.string().regex(/^[a-z0-9-]+$/)
const fieldExpectation = {
  lines: z.array(fieldLine).optional(),
  fields: z.record(lowerCaseName, z.array(z.string())).optional(),
  present: z.array(lowerCaseName).optional(),
  absent: z.array(lowerCaseName).optional(),
  trailers: z.array(fieldLine).optional(),
}

const forwarded = z.strictObject({
  line: parts,
  host: oneOrMore(z.string()).optional(),
  content: parts.optional(),
  ...fieldExpectation,
})
const status = z.int().min(400).max(599)
const requestVerdict = z
  .strictObject({
    forwarded: z.array(forwarded).min(1).optional(),
    status: oneOrMore(z.union([status, z.literal(0)])).optional(),
    close: z.union([z.boolean(), z.literal('any')]).optional(),
  })
  .refine(verdict => verdict.forwarded !== undefined || verdict.status !== undefined, 'says nothing')
const requestCase = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  source: z.string().min(3),
  client: z.literal('1.0').optional(),
  bytes: parts,
  fin: z.literal(true).optional(),
  expect: oneOrMore(requestVerdict),
})

const responseVerdict = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('error'), status: oneOrMore(status) }),
  z.strictObject({ outcome: z.literal('cut'), how: z.literal('reset').optional() }),
  z.strictObject({
    outcome: z.literal('ok'),
    status: z.int().min(101).max(599),
    reason: z.string().optional(),
    content: parts.optional(),
    framing: oneOrMore(z.enum(['none', 'content-length', 'chunked', 'close'])).optional(),
    interim: z.array(z.int().min(100).max(199)).optional(),
    close: z.boolean().optional(),
    pooled: z.boolean().optional(),
    ...fieldExpectation,
  }),
])
const responseCase = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  source: z.string().min(3),
  request: parts.optional(),
  origin: parts,
  when: z.enum(['connect', 'head']).optional(),
  ending: z.enum(['close', 'reset']).optional(),
  afterwards: parts.optional(),
  expect: oneOrMore(responseVerdict),
})

function doubles(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index)
}

describe.each([
  { folder: 'requests', files: requestFiles, schema: requestCase as z.ZodType, casesMin: 150 },
  { folder: 'responses', files: responseFiles, schema: responseCase as z.ZodType, casesMin: 60 },
])('the data files of $folder', ({ files, schema, casesMin }) => {
  const cases = files.flatMap(file => file.cases.map(testCase => ({ file: file.file, testCase })))

  test(`hold at least ${casesMin} cases beside the ordinary ones`, () => {
    expect(cases.filter(({ file }) => file !== 'normal').length).toBeGreaterThanOrEqual(casesMin)
  })

  test('hold cases of the documented form', () => {
    const complaints = cases.flatMap(({ file, testCase }) => {
      const result = schema.safeParse(testCase)
      return result.success ? [] : [`${file}/${testCase.name}: ${z.prettifyError(result.error)}`]
    })
    expect(complaints).toEqual([])
  })

  test('name each case once', () => {
    expect(files.flatMap(({ file, cases }) => doubles(cases.map(({ name }) => `${file}/${name}`)))).toEqual([])
  })

  test('say what they are about', () => {
    expect(files.filter(({ about }) => about.length < 10)).toEqual([])
  })
})

test('no two request cases send the same bytes within a file', () => {
  const twins = requestFiles.flatMap(({ file, cases }) =>
    doubles(cases.map(({ bytes }) => textOf(bytes))).map(bytes => `${file}: ${JSON.stringify(bytes.slice(0, 200))}`),
  )
  expect(twins).toEqual([])
})

test('request cases hold bytes, not characters beyond latin1', () => {
  const wide = requestFiles.flatMap(({ cases }) =>
    cases.filter(({ bytes }) => [...textOf(bytes)].some(character => character.charCodeAt(0) > 255)),
  )
  expect(wide.map(({ name }) => name)).toEqual([])
})

test('a refused request case that allows several verdicts lets the runner know when it is over', () => {
  const unclear = requestFiles.flatMap(({ file, cases }) =>
    cases
      .filter(({ expect: verdicts }) => {
        const counts = listOf(verdicts).map(
          ({ forwarded, status }) => (forwarded?.length ?? 0) + (status !== undefined && status !== 0 ? 1 : 0),
        )
        const most = Math.max(...counts)
        // A verdict of fewer answers has to end with the connection, or the runner would wait for the others.
        return listOf(verdicts).some(
          ({ status, close }, index) => counts[index]! < most && !(close ?? status !== undefined),
        )
      })
      .map(({ name }) => `${file}/${name}`),
  )
  expect(unclear).toEqual([])
})
