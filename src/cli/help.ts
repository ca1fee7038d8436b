import type { Command } from 'commander'

/** Adds examples to a command's `--help`: lines as one would type them, without the `sluice` in front. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  const heading = examples.length === 1 ? 'Example:' : 'Examples:'
  return command.addHelpText('after', `\n${heading}\n${examples.map(example => `  $ sluice ${example}`).join('\n')}`)
}
