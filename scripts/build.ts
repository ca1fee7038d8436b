/** `npm run build`: the sources as JavaScript with declarations, in dist/, in the same tree. */
import { chmodSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, run } from './run.ts'

const HASHBANG = '#!/usr/bin/env node\n'
const COMMAND = join(ROOT, 'dist', 'src', 'cli', 'main.js')

rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
process.exitCode = build() ? 0 : 1

function build(): boolean {
  // Comments are for readers of declarations. In the program every thread would hold them: 1 MB with two workers.
  if (!run('tsc', ['--project', 'tsconfig.build.json', '--emitDeclarationOnly'])) return false
  if (!run('tsc', ['--project', 'tsconfig.build.json', '--declaration', 'false', '--removeComments'])) return false
  if (!readFileSync(COMMAND, 'utf8').startsWith(HASHBANG)) {
    console.error(`${COMMAND} does not begin with ${HASHBANG.trim()}`)
    return false
  }
  chmodSync(COMMAND, 0o755)
  return true
}
