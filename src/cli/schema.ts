import { Command } from 'commander'
import { withExamples } from './help.ts'

/** `sluice schema`: the JSON Schema of the configuration, for editors and other tools. */

export function schemaCommand(): Command {
  const command = new Command('schema')
    .description('print the JSON Schema of the configuration, which editors complete by')
    .action(async () => {
      const { editorJsonSchema } = await import('../config/editor-schema.ts')
      process.stdout.write(`${JSON.stringify(editorJsonSchema(), null, 2)}\n`)
    })
  return withExamples(command, ['schema > sluice.schema.json'])
}
