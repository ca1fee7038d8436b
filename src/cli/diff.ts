import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Command, Option } from 'commander'
import { withoutSecrets } from '../config/masking.ts'
import type { DiffSide } from '../explain/diff-side.ts'
import type { ModelChange } from '../explain/model-diff.ts'
import type { SampleDiff } from '../explain/sample-diff.ts'
import { paintFor } from './colours.ts'
import { CommandFailure, EXIT_FAILED } from './exit-codes.ts'
import { withExamples } from './help.ts'

/** `sluice diff`: what a change of the configuration means. */

interface Options {
  readonly requests?: string
  readonly authority: string
  readonly json?: boolean
}

export interface Difference {
  readonly changes: readonly ModelChange[]
  /** `null` where no requests were given. */
  readonly requests: SampleDiff | null
}

export function diffCommand(): Command {
  const command = new Command('diff')
    .description('say what is different in meaning between two configurations, and which requests would go elsewhere')
    .argument('<OLD>', 'a configuration')
    .argument('<NEW>', 'another one')
    .addOption(
      new Option(
        '-r, --requests <FILE>',
        'sample requests: METHOD URL lines, an access log of Sluice, or one in the combined format',
      ),
    )
    .addOption(new Option('--authority <HOST>', 'the host of sample requests that name none').default('localhost'))
    .addOption(new Option('--json', 'the whole of it as JSON'))
    .action(async (before: string, after: string, options: Options) => {
      const difference = await diff(before, after, options)
      process.stdout.write(`${await textOf(difference, options)}\n`)
      if (difference.changes.length > 0 || (difference.requests?.changed ?? 0) > 0) process.exitCode = EXIT_FAILED
    })
  return withExamples(command, [
    'diff sluice.yaml new.yaml',
    'diff sluice.yaml new.yaml --requests /var/log/nginx/access.log --authority www.example.com',
    'diff <(git show HEAD:sluice.yaml) sluice.yaml',
  ])
}

async function diff(before: string, after: string, { requests, authority }: Options): Promise<Difference> {
  const [{ readSides }, { diffMeaning }] = await Promise.all([
    import('../explain/diff-side.ts'),
    import('../explain/meaning-diff.ts'),
  ])
  const [old, next] = await readSides(before, after)
  const meaning = await diffMeaning(old, next)
  return {
    changes: meaning.changes,
    requests: requests === undefined ? null : await diffRequests(meaning.before, next, requests, authority),
  }
}

async function diffRequests(before: DiffSide, after: DiffSide, file: string, authority: string): Promise<SampleDiff> {
  const [{ Explainer }, { stateAtRest }, { SampleComparison }] = await Promise.all([
    import('../../engine/explain/explain.ts'),
    import('../../engine/explain/state.ts'),
    import('../explain/sample-diff.ts'),
  ])
  const old = await Explainer.open(stateAtRest(before.snapshot))
  const next = await Explainer.open(stateAtRest(after.snapshot))
  try {
    const comparison = new SampleComparison(old, next, authority)
    await eachLine(file, line => comparison.add(line))
    return withoutSecrets(comparison.result(), [...before.secrets, ...after.secrets])
  } finally {
    old.close()
    next.close()
  }
}

async function eachLine(file: string, take: (line: string) => void): Promise<void> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  try {
    // Whether it can be read shows with the first line that is asked for.
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) take(line)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw code === undefined ? error : new CommandFailure(`${file}: cannot be read (${code})`)
  }
}

async function textOf(difference: Difference, { json }: Options): Promise<string> {
  const [{ printableJson }, { differenceText }] = await Promise.all([
    import('../explain/printable.ts'),
    import('./difference-text.ts'),
  ])
  return json ? printableJson(difference) : differenceText(difference, paintFor(process.stdout))
}
