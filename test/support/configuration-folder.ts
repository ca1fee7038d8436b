import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigurationError } from '../../src/config/errors.ts'
import { type Configuration, loadConfiguration } from '../../src/config/load.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Configurations of several files, in a folder of their own. */

export interface ConfigurationFolder extends AsyncDisposable {
  readonly path: string
  write(name: string, content: string | Uint8Array): string
  /** An empty name is the folder itself. */
  load(name: string): Promise<Configuration>
  /** What is said about a configuration that is refused, a line for each problem, without the path of the folder. */
  refusal(name: string): Promise<string[]>
}

export async function configurationFolder(files: Readonly<Record<string, string>>): Promise<ConfigurationFolder> {
  const folder = await temporaryFolder()
  const write = (name: string, content: string | Uint8Array) => {
    const path = folder.file(name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return path
  }
  const load = (name: string) => loadConfiguration(name === '' ? folder.path : folder.file(name))
  for (const [name, content] of Object.entries(files)) write(name, content)
  return {
    path: folder.path,
    write,
    load,
    refusal: async name => {
      const error = await load(name).catch((caught: unknown) => caught)
      if (!(error instanceof ConfigurationError)) throw error instanceof Error ? error : new Error('was accepted')
      return error.message.replaceAll(`${folder.path}/`, '').replaceAll(folder.path, '.').split('\n')
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
