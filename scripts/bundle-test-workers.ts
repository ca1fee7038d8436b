import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import type { TestProject } from 'vitest/node'
import { WORKER_MODULES, WORKERS_FOLDER } from '../test/support/worker-module.ts'
import { ROOT } from './run.ts'

/** Where packages are found that a bundle imports. */
const FOLDER = join(ROOT, 'node_modules', '.cache', 'sluice-test-workers')

/** For which bundles are kept that nobody has asked for. */
const KEPT_MS = 60 * 60 * 1_000

/** Before the tests, and again before each repetition while they are watched: the modules of `WORKER_MODULES`, each in one file. */
export default async function setup(project: TestProject): Promise<void> {
  // Each project of a run comes here.
  if (process.env[WORKERS_FOLDER] !== undefined) return
  await tryBundleAll()
  project.onTestsRerun(tryBundleAll)
}

/** What is wrong with sources that cannot be put together is for the tests to say that run them. */
async function tryBundleAll(): Promise<void> {
  try {
    await bundleAll()
  } catch {
    delete process.env[WORKERS_FOLDER]
  }
}

/** By its content: what others run from meanwhile stays, and Node finds again what it has compiled. */
async function bundleAll(): Promise<void> {
  const bundles = await Promise.all(
    Object.entries(WORKER_MODULES).map(([name, source]) => bundle(name, fileURLToPath(source))),
  )
  const hash = createHash('sha256')
  for (const { code } of bundles) hash.update(code)
  const folder = join(FOLDER, hash.digest('hex').slice(0, 16))
  if (!existsSync(folder)) {
    const unfinished = `${folder}.${process.pid}`
    mkdirSync(unfinished, { recursive: true })
    for (const { name, code } of bundles) writeFileSync(join(unfinished, `${name}.mjs`), code)
    if (!isRenamed(unfinished, folder)) rmSync(unfinished, { recursive: true })
  }
  const now = new Date()
  utimesSync(folder, now, now)
  for (const name of readdirSync(FOLDER)) removeIfOld(join(FOLDER, name))
  process.env[WORKERS_FOLDER] = folder
}

interface Bundle {
  readonly name: string
  readonly code: string
}

async function bundle(name: string, input: string): Promise<Bundle> {
  const thread = await rolldown({ input, platform: 'node', external: /^[^./]/ })
  const { output } = await thread.generate({ format: 'esm', codeSplitting: false })
  await thread.close()
  return { name, code: output[0].code }
}

/** False where another run has been quicker. */
function isRenamed(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch {
    return false
  }
}

function removeIfOld(folder: string): void {
  if (Date.now() - statSync(folder).mtimeMs > KEPT_MS) rmSync(folder, { recursive: true })
}
