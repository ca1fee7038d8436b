/** The report that CI systems read: JUnit's XML, as far as it is common ground. */

export interface JunitCase {
  readonly name: string
  readonly seconds: number
  /** Line by line; `null` for one that passed. */
  readonly failure: string | null
}

export interface JunitSuite {
  /** The file. */
  readonly name: string
  readonly startedAtMs: number
  readonly cases: readonly JunitCase[]
}

export function junitXml(suites: readonly JunitSuite[]): string {
  const all = suites.flatMap(({ cases }) => cases)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="sluice test" ${countsOf(all)}>`,
    ...suites.flatMap(suiteXml),
    '</testsuites>',
    '',
  ].join('\n')
}

function countsOf(cases: readonly JunitCase[]): string {
  const failures = cases.filter(({ failure }) => failure !== null).length
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0)
  return `tests="${cases.length}" failures="${failures}" errors="0" time="${seconds.toFixed(3)}"`
}

function suiteXml({ name, startedAtMs, cases }: JunitSuite): string[] {
  // Readers of the format know no fractions of seconds, and no zone.
  const timestamp = new Date(startedAtMs).toISOString().slice(0, 19)
  return [
    `  <testsuite name="${escapeXml(name)}" ${countsOf(cases)} skipped="0" timestamp="${timestamp}">`,
    ...cases.map(one => caseXml(name, one)),
    '  </testsuite>',
  ]
}

function caseXml(file: string, { name, seconds, failure }: JunitCase): string {
  const place = `classname="${escapeXml(file)}" file="${escapeXml(file)}"`
  const open = `    <testcase name="${escapeXml(name)}" ${place} time="${seconds.toFixed(3)}"`
  if (failure === null) return `${open}/>`
  const [first = ''] = failure.split('\n')
  const text = `<failure type="expectation" message="${escapeXml(first)}">${escapeXml(failure)}</failure>`
  return `${open}>\n      ${text}\n    </testcase>`
}

/** Characters that XML 1.0 has no place for are left out, the others of its own written as entities. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"\t\n\r]/g, character => `&#${character.charCodeAt(0)};`)
}
