/** `npm run build`: the sources as JavaScript with declarations, in dist/, in the same tree. */
import { chmodSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { rolldown } from 'rolldown'
import { ROOT, run } from './run.ts'

const HASHBANG = '#!/usr/bin/env node\n'
const DIST = join(ROOT, 'dist')
const COMMAND = join(DIST, 'src', 'cli', 'main.js')

/** What threads begin with. */
const THREADS = ['engine/threads/engine-worker.js', 'src/data-plane-thread.js', 'src/telemetry/log-thread.js']

rmSync(DIST, { recursive: true, force: true })
process.exitCode = (await build()) ? 0 : 1

async function build(): Promise<boolean> {
  // Comments are for readers of declarations. In the program every thread would hold them: 1 MB with two workers.
  if (!run('tsc', ['--project', 'tsconfig.build.json', '--emitDeclarationOnly'])) return false
  // Whether the types are right is known by now.
  const program = ['--declaration', 'false', '--removeComments', '--noCheck']
  if (!run('tsc', ['--project', 'tsconfig.build.json', ...program])) return false
  if (!readFileSync(COMMAND, 'utf8').startsWith(HASHBANG)) {
    console.error(`${COMMAND} does not begin with ${HASHBANG.trim()}`)
    return false
  }
  chmodSync(COMMAND, 0o755)
  for (const thread of THREADS) await bundle(join(DIST, thread))
  return true
}

/**
 * Puts all that a thread imports into its one file; what it imports on demand stays apart. A hundred and fifty modules make
 * Node's loader so busy in every thread that it is optimized, and the compilers are memory: 11 MB with two workers.
 */
async function bundle(entry: string): Promise<void> {
  const thread = await rolldown({ input: entry, platform: 'node', external: /^[^./]/ })
  await thread.write({
    dir: dirname(entry),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
  })
}
