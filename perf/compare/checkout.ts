/** Another commit's tree in a temporary folder, ready to run, beside the working tree. */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from '../../native-bench/frame/clean-up.ts'
import { PerfFailure } from '../failure.ts'
import { temporaryFolder } from '../stage/temporary-folder.ts'

export interface Checkout extends Disposable {
  readonly tree: string
  /** The commit's abbreviated name. */
  readonly commit: string
}

/**
 * Checks out `ref` of the repository at `root`, with the bench files of the working tree in the place of its own. Its
 * packages are those of the working tree where both lock files say the same, else its own, installed.
 */
export async function checkOut(root: string, ref: string, tell: (text: string) => void): Promise<Checkout> {
  const commit = commitOf(root, ref)
  const folder = temporaryFolder()
  const tree = join(folder.path, 'tree')
  const remove = atEnd(() => {
    spawnSync('git', ['worktree', 'remove', '--force', tree], { cwd: root, stdio: 'ignore' })
    folder[Symbol.dispose]()
    spawnSync('git', ['worktree', 'prune'], { cwd: root, stdio: 'ignore' })
  })
  try {
    await run('git', ['worktree', 'add', '--detach', '--quiet', tree, commit], root)
    await addPackages(root, tree, tell)
    replaceBenches(root, tree)
  } catch (error) {
    remove()
    throw error
  }
  return { tree, commit: commit.slice(0, 10), [Symbol.dispose]: remove }
}

function commitOf(root: string, ref: string): string {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]
  const { status, stdout, error } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (error !== undefined) throw new PerfFailure(`git does not run: ${error.message}`)
  if (status !== 0) throw new PerfFailure(`"${ref}" is no commit of this repository: git log --oneline shows some`)
  return stdout.trim()
}

async function addPackages(root: string, tree: string, tell: (text: string) => void): Promise<void> {
  const packages = join(tree, 'node_modules')
  if (textOf(join(root, 'package-lock.json')) === textOf(join(tree, 'package-lock.json'))) {
    if (existsSync(join(root, 'node_modules'))) symlinkSync(join(root, 'node_modules'), packages)
    return
  }
  tell('the lock files differ: installing the packages of the other commit')
  // The tools are those of the working tree; what the code itself needs is enough.
  await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], tree)
}

function textOf(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}

/** The same benches judge both: one that is new can judge old code. */
function replaceBenches(root: string, tree: string): void {
  const benches = join('perf', 'micro')
  rmSync(join(tree, benches), { recursive: true, force: true })
  cpSync(join(root, benches), join(tree, benches), { recursive: true })
}

function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = atEnd(() => child.kill('SIGKILL'))
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', text => (errors += text))
  return new Promise((resolve, reject) => {
    child.once('error', error => reject(new PerfFailure(`${command} does not run: ${error.message}`)))
    child.once('close', code => {
      kill()
      if (code === 0) resolve()
      else reject(new PerfFailure(`${command} ${args[0]}: ${errors.trim().replaceAll(/\s*\n\s*/g, '; ')}`))
    })
  })
}
