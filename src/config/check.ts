import { ConfigurationError, type Problem } from './errors.ts'
import { findingsOf, issueMessage } from './findings.ts'
import { type Finding, formatPath, type KeyPath, offsetOf, placeAt, type Source } from './positions.ts'
import { severityOf } from './problem-codes.ts'
import { checkReferences } from './references.ts'
import { type ConfigurationModel, configurationSchema } from './schema.ts'
import { findMasks, secretsIn, tellable } from './secrets.ts'
import { TlsReadings } from './tls-readings.ts'

/** Judges what was read: by the schema, and by what a schema cannot say. */

export interface Checked {
  readonly model: ConfigurationModel
  /** What is worth a look, in the order of the files. */
  readonly warnings: readonly Problem[]
  /** Texts that must not be shown. */
  readonly secrets: readonly string[]
}

/**
 * `folder` is where relative paths in it begin.
 *
 * @throws {ConfigurationError} with all that is wrong, in the order of the files.
 */
export function checkSource(source: Source, folder: string): Checked {
  const { findings, model } = judgeSource(source, folder)
  const problems = problemsOf(source, findings)
  if (model === undefined || problems.some(({ severity }) => severity === 'error'))
    throw new ConfigurationError(problems)
  return { model, warnings: problems, secrets: secretsIn(source) }
}

/** What is to be said of it, and the model where the schema takes it. */
export function judgeSource(
  source: Source,
  folder: string,
  readings = new TlsReadings(),
): { findings: readonly Finding[]; model?: ConfigurationModel | undefined } {
  if (!source.usable) return { findings: source.findings }
  if (source.value === null || source.value === undefined) return { findings: [...source.findings, EMPTY] }
  const result = configurationSchema.safeParse(source.value, { error: issueMessage })
  // What stands where reading already found a fault is an echo of it, such as the value of an alias without an anchor.
  const found = [...source.findings, ...findMasks(source.value)]
  const faults = new Set(found.map(finding => finding.offset ?? offsetOf(source.root, finding)))
  const judged = [
    ...(result.error?.issues.flatMap(issue => findingsOf(issue, source.value)) ?? []),
    ...checkReferences(source.value, folder, readings),
  ].filter(finding => !faults.has(offsetOf(source.root, finding)))
  return { findings: [...found, ...judged], model: result.data }
}

const EMPTY: Finding = {
  path: [],
  at: 'value',
  code: 'empty-configuration',
  message: 'the configuration is empty',
  hint: 'it needs "listeners", "upstreams", "routes"',
}

/** In the order of the files. */
function problemsOf(source: Source, findings: readonly Finding[]): Problem[] {
  return tellable(findings, source)
    .map(finding => ({ finding, offset: offsetOf(source.root, finding) }))
    .toSorted((one, other) => one.offset - other.offset)
    .map(({ finding, offset }) => problemOf(source, finding, offset))
}

function problemOf(source: Source, { path, code, message, hint, about }: Finding, offset: number): Problem {
  const { file, line, column } = source.positionOf(offset)
  const whole = about === undefined ? message : message + lineOf(source, about, file)
  return { file, line, column, key: formatPath(path), severity: severityOf(code), code, message: whole, hint }
}

/** ` (line 7)`, or with its file where that is another; nothing for objects. */
function lineOf(source: Source, path: KeyPath, near: string): string {
  const place = placeAt(source.root, path)
  const { file, line } = source.positionOf(place?.valueOffset ?? 0)
  if (place === null || line === 0) return ''
  return file === near ? ` (line ${line})` : ` (${file}:${line})`
}
