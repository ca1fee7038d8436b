/** Reads a file of route tests, with the position of everything that is wrong with it. */
import type * as z from 'zod'
import { ConfigurationError, type Problem } from '../config/errors.ts'
import { findingsOf, issueMessage } from '../config/findings.ts'
import { quote } from '../config/parsed.ts'
import { type Finding, formatPath, type KeyPath, offsetOf, type Source } from '../config/positions.ts'
import { severityOf } from '../config/problem-codes.ts'
import { FileError, readConfigurationFile, textOfBytes } from '../config/sources/file.ts'
import { formatOf } from '../config/sources/formats.ts'
import { readToml } from '../config/sources/toml.ts'
import { readYaml } from '../config/sources/yaml.ts'
import { nearest } from '../config/suggest.ts'
import { areCertificateParts, readCertificateDescription } from './certificate-spec.ts'
import { isFlowUrl, readFlowDescription } from './flow-spec.ts'
import { areHeaders, parseRequestLine, RequestSpecError, readDescription } from './request-spec.ts'
import { type RouteTests, routeTestKeys, routeTestsSchema } from './route-test-schema.ts'

/** @throws {ConfigurationError} for a file that cannot be read, or is not what it should be. */
export async function loadRouteTests(path: string): Promise<RouteTests> {
  try {
    if (formatOf(path) === null || formatOf(path) === 'module') {
      throw new FileError('unknown-format', 'is no file of tests', 'names end in .yaml, .yml, .toml or .json')
    }
    return parseRouteTests(textOfBytes(await readConfigurationFile(path)), path)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    const { code, message, hint } = error
    const place = { file: path, line: 0, column: 0, key: '' }
    throw new ConfigurationError([{ ...place, severity: severityOf(code), code, message, hint }], { cause: error })
  }
}

/** `path` is used in errors, and its ending says which language it is. @throws {ConfigurationError} */
export function parseRouteTests(text: string, path: string): RouteTests {
  const source = formatOf(path) === 'toml' ? readToml(text, path) : readYaml(text, path)
  if (!source.usable) throw refusal(source, source.findings)
  const { value = null } = source
  if (value === null) throw refusal(source, [...source.findings, EMPTY])
  const result = routeTestsSchema.safeParse(value, { error: issueMessage })
  const issues = result.error?.issues ?? []
  const judged = [...issues.flatMap(issue => findingsOfIssue(issue, value)), ...findingsOfRequests(value)]
  const faults = new Set(source.findings.map(finding => formatPath(finding.path)))
  const findings = [...source.findings, ...judged.filter(({ path: key }) => !faults.has(formatPath(key)))]
  if (findings.length > 0 || result.data === undefined) throw refusal(source, findings)
  return result.data
}

const EMPTY: Finding = {
  path: [],
  at: 'value',
  code: 'empty-value',
  message: 'the file is empty',
  hint: 'it needs "tests"',
}

function refusal(source: Source, findings: readonly Finding[]): ConfigurationError {
  const placed = findings.map(finding => ({ finding, offset: offsetOf(source.root, finding) }))
  const problems = placed
    .toSorted((one, other) => one.offset - other.offset)
    .map(({ finding: { path, code, message, hint }, offset }): Problem => {
      const place = source.positionOf(offset)
      return { ...place, key: formatPath(path), severity: severityOf(code), code, message, hint }
    })
  return new ConfigurationError(problems)
}

function findingsOfIssue(issue: z.core.$ZodIssue, value: unknown): Finding[] {
  if (issue.code !== 'unrecognized_keys') return findingsOf(issue, value).map(finding => withHint(finding, value))
  const path = issue.path as KeyPath
  return issue.keys.map(key => ({
    path: [...path, key],
    at: 'key',
    code: 'unknown-key',
    message: 'unknown key',
    hint: keyHint(key, routeTestKeys(path)),
  }))
}

function keyHint(key: string, known: readonly string[]): string {
  const near = nearest(key, known)
  const alike = near === null ? known.filter(one => one.endsWith(key)) : [near]
  if (alike.length === 0) return `known here: ${known.join(', ')}`
  return `did you mean ${alike.map(quote).join(' or ')}?`
}

/** Languages take some text for something else. */
function withHint(finding: Finding, value: unknown): Finding {
  const found = finding.path.reduce<unknown>((inner, step) => (inner as Section | undefined)?.[step], value)
  const isScalar = typeof found === 'number' || typeof found === 'boolean'
  if (finding.hint !== '' || !isScalar || !finding.message.startsWith('must be text')) return finding
  return { ...finding, hint: `write it in quotes: "${found}"` }
}

type Section = Readonly<Record<string | number, unknown>>

/** What is no request is told before any test runs; what is not even text is the schema's to tell. */
function findingsOfRequests(value: unknown): Finding[] {
  const { tests } = (value ?? {}) as { readonly tests?: unknown }
  if (!Array.isArray(tests)) return []
  return tests.flatMap((test: unknown, index) =>
    Object.entries(PARTS).flatMap(([key, read]): Finding[] => {
      const part = typeof test === 'object' && test !== null ? (test as Section)[key] : undefined
      try {
        read(part)
        return []
      } catch (error) {
        if (!(error instanceof RequestSpecError)) throw error
        return [{ path: ['tests', index, key], at: 'value', code: 'wrong-value', message: error.message, hint: '' }]
      }
    }),
  )
}

const SOME_URL = 'http://localhost/'

/** The keys that say what the request is: each by itself, so that the one that is wrong is blamed. */
const PARTS: Readonly<Record<string, (part: unknown) => unknown>> = {
  request: part => {
    if (typeof part !== 'string') return
    if (isFlowUrl(part)) readFlowDescription({ url: part })
    else readDescription(parseRequestLine(part))
  },
  headers: part => areHeaders(part) && readDescription({ url: SOME_URL, headers: part }),
  client_cert: part => areCertificateParts(part) && readCertificateDescription(part),
  from: part => typeof part === 'string' && readDescription({ url: SOME_URL, from: part }),
}
