import { Command, Option } from 'commander'
import { configurationOption } from './configuration-option.ts'
import { withExamples } from './help.ts'

/** `sluice config show`: the configuration as it counts. */

type Format = 'yaml' | 'json'

interface Options {
  readonly config?: string
  readonly format: Format
}

export function configCommand(): Command {
  const command = new Command('config').description('look at the configuration').addCommand(showCommand())
  return withExamples(command, ['config show'])
}

function showCommand(): Command {
  const command = new Command('show')
    .description('print the configuration with all files put together and all defaults written out, secrets masked')
    .addOption(configurationOption())
    .addOption(new Option('--format <FORMAT>', 'the language').choices(['yaml', 'json']).default('yaml'))
    .action(async ({ config, format }: Options) => {
      const [{ readFiles }, { checkSource }, { effectiveConfiguration }] = await Promise.all([
        import('../config/load.ts'),
        import('../config/check.ts'),
        import('../config/effective.ts'),
      ])
      const { source, folder } = await readFiles(config)
      checkSource(source, folder)
      process.stdout.write(await textOf(effectiveConfiguration(source, folder), format))
    })
  return withExamples(command, ['config show', 'config show -c conf.d --format json'])
}

async function textOf(value: unknown, format: Format): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`
  const { stringify } = await import('yaml')
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })
}
