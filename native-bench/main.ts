/**
 * `npm run bench:native`: Sluice beside other proxies, the same work in the same run. See README.md beside this file.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { moveSelfTo, splitCores } from './frame/cores.ts'
import { BenchFailure, messageOf } from './frame/failure.ts'
import { HELP, parseCommand, type RunSettings } from './frame/options.ts'
import { type Results, readResults } from './frame/results.ts'
import { runBench } from './frame/run.ts'
import { peers } from './peers/index.ts'
import { compareText } from './report/compare.ts'
import { writeReport } from './report/write.ts'
import { scenarios } from './scenarios/index.ts'

async function main(args: readonly string[]): Promise<void> {
  const names = { scenarios: scenarios.map(({ name }) => name), peers: peers.map(({ name }) => name) }
  const command = parseCommand(args, names)
  switch (command.kind) {
    case 'help':
      return print(HELP)
    case 'list':
      return print(describeAll())
    case 'report':
      return report(readResults(command.path), command.out ?? dirname(command.path))
    case 'compare':
      return print(compareText(readResults(command.before), readResults(command.after)))
    case 'run':
      return run(command.settings, args)
  }
}

async function run(settings: RunSettings, args: readonly string[]): Promise<void> {
  // Who starts and reads is no burden to the proxy's core.
  moveSelfTo(splitCores().others)
  const results = await runBench({ settings, args, peers, scenarios, write: print })
  const folder = settings.out ?? join(import.meta.dirname, 'results', results.date.replaceAll(/[:.]/g, '-'))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 1)}\n`)
  report(results, folder)
}

function report(results: Results, folder: string): void {
  writeReport(folder, results)
  print(`\n${join(relative('.', folder), 'report.md')}`)
}

function describeAll(): string {
  const described = peers.map(peer => {
    const presence = peer.probe()
    return `  ${peer.name.padEnd(20)} ${'absent' in presence ? `absent: ${presence.absent}` : presence.version}`
  })
  const lines = scenarios.map(
    ({ name, title, summary }) => `  ${name.padEnd(20)} ${title}\n${' '.repeat(23)}${summary}`,
  )
  return ['scenarios', ...lines, '', 'peers', ...described].join('\n')
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const isKnown = error instanceof BenchFailure
  process.stderr.write(`bench:native: ${isKnown || !(error instanceof Error) ? messageOf(error) : error.stack}\n`)
  process.exitCode = 1
})
