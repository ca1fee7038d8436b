import { readFile, writeFile } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { defaultFiles } from '../config/sources/find.ts'
import { DEFAULT_NAMES } from '../config/sources/formats.ts'
import { CommandFailure, UsageError } from './exit-codes.ts'
import { withExamples } from './help.ts'

/** `sluice init`: a configuration to begin with, with comments. */

export function initCommand(): Command {
  const command = new Command('init')
    .description('write a commented configuration to begin with')
    .argument('[FILE]', `where to, in YAML (default: ${DEFAULT_NAMES[0]})`)
    .addOption(new Option('-f, --force', 'replace what is there'))
    .action(async (file: string | undefined, { force = false }: { force?: boolean }) => {
      const path = file ?? DEFAULT_NAMES[0]!
      if (!/^\.ya?ml$/i.test(extname(path))) {
        throw new UsageError(`${path}: what is written is YAML, so its name has to end in .yaml or .yml`)
      }
      if (file === undefined && !force) refuseSecondFile()
      await write(path, force)
      const option = file === undefined || file === DEFAULT_NAMES[0] ? '' : ` -c ${path}`
      process.stdout.write(`${path} is written. Check it: sluice validate${option}. Run it: sluice start${option}\n`)
    })
  return withExamples(command, ['init', 'init /etc/sluice/sluice.yaml', 'init --force'])
}

/** Beside another configuration the new one would leave every command in doubt which of them is meant. */
function refuseSecondFile(): void {
  const [known] = defaultFiles()
  if (known !== undefined) throw existsError(known)
}

async function write(path: string, force: boolean): Promise<void> {
  const root = packageFolder()
  const starter = await readFile(join(root, 'config', 'starter.yaml'), 'utf8')
  const schema = schemaPath(join(root, 'config', 'schema.json'), dirname(resolve(path)))
  try {
    await writeFile(path, starter.replace(/(?<=\$schema=).*/, schema), { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw existsError(path)
    throw error
  }
}

function existsError(path: string): CommandFailure {
  return new CommandFailure(`${path} is already there; --force replaces it`)
}

/** Relative where the package is installed below the folder of the file, so that the two can move together. */
function schemaPath(schema: string, folder: string): string {
  const path = relative(folder, schema)
  return path.startsWith('..') ? schema : `./${path}`
}

function packageFolder(): string {
  const path = findPackageJSON(import.meta.url)
  if (path === undefined) throw new Error('the package has no package.json')
  return dirname(path)
}
