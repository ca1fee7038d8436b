/**
 * The one command, `npm test`: system packages, types, lint, tests. All of them run even if one fails, and the exit code
 * tells whether all passed.
 *
 *     npm test                      everything
 *     npm test -- test/house        arguments go to vitest
 *     npm test -- --report FILE     vitest's JSON report is kept there
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './run.ts'
import { ensureSystemPackages } from './system-packages.ts'

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
}

const { reportPath, vitestArgs } = parseArguments(process.argv.slice(2))
const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
process.exitCode = main(reportPath ?? join(folder, 'report.json')) ? 0 : 1
rmSync(folder, { recursive: true })

function main(report: string): boolean {
  if (!ensureSystemPackages()) return false
  const steps = [
    step('types', () => run('tsc', ['--noEmit'])),
    step('lint', () => run('biome', ['check', '--error-on-warnings', '.'])),
    step('tests', () =>
      run('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...vitestArgs]),
    ),
  ]
  console.log('\nsummary')
  for (const { name, isPassed, seconds } of steps) {
    const outcome = isPassed ? 'passed' : 'FAILED'
    console.log(
      `  ${name.padEnd(6)} ${outcome} ${`${seconds.toFixed(1)} s`.padStart(8)}${name === 'tests' ? counts(report) : ''}`,
    )
  }
  return steps.every(({ isPassed }) => isPassed)
}

function step(name: string, execute: () => boolean): { name: string; isPassed: boolean; seconds: number } {
  console.log(`\n${name}`)
  const startedAt = performance.now()
  const isPassed = execute()
  return { name, isPassed, seconds: (performance.now() - startedAt) / 1000 }
}

function counts(path: string): string {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8')) as VitestReport
    const skipped = report.numPendingTests > 0 ? `, ${report.numPendingTests} skipped` : ''
    return `   ${report.numPassedTests} passed, ${report.numFailedTests} failed${skipped}`
  } catch {
    return '   no report: vitest did not run to its end'
  }
}

function parseArguments(args: readonly string[]): { reportPath: string | null; vitestArgs: string[] } {
  const at = args.indexOf('--report')
  if (at === -1) return { reportPath: null, vitestArgs: [...args] }
  return { reportPath: args[at + 1] ?? null, vitestArgs: args.toSpliced(at, 2) }
}
