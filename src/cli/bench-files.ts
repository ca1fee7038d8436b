import { constants } from 'node:fs'
import { access, stat, writeFile } from 'node:fs/promises'
import { dirname, parse, resolve } from 'node:path'
import { BenchError } from '../bench/options.ts'

/** The files that a run is written to: looked at before it begins, so that nothing is measured in vain. */

export interface BenchFiles {
  /** `true` and `-` are stdout. */
  readonly json?: string | true
  readonly html?: string
  readonly hgrm?: string
}

export interface BenchFile {
  readonly path: string
  readonly render: () => string
}

/** Whether JSON takes the place of the text. */
export function isJsonOnStdout({ json }: BenchFiles): boolean {
  return json === true || json === '-'
}

/** The file that JSON goes to; `undefined` where there is none. */
export function jsonPathOf(files: BenchFiles): string | undefined {
  return isJsonOnStdout(files) || files.json === true ? undefined : files.json
}

/** Where the histograms go: `run.hgrm` has the second target's beside it, in `run.vs.hgrm`. */
export function hgrmPathsOf(path: string): readonly [string, string] {
  const { base, ext, name } = parse(path)
  return [path, `${path.slice(0, path.length - base.length)}${name}.vs${ext}`]
}

/** @throws {BenchError} for a file that could not be written at the end. */
export async function checkFiles(files: BenchFiles, targets: number): Promise<void> {
  const hgrm = files.hgrm === undefined ? [] : hgrmPathsOf(files.hgrm).slice(0, targets)
  const seen = new Set<string>()
  for (const path of [jsonPathOf(files), files.html, ...hgrm]) {
    if (path === undefined) continue
    if (path === '') throw new BenchError('a file to write to needs a name')
    if (seen.has(resolve(path))) throw new BenchError(`${path} is named twice: one would be written over the other`)
    seen.add(resolve(path))
    await checkWritable(path)
  }
}

/** @throws {BenchError} naming what could not be written, after all that can be. */
export async function writeFiles(files: readonly BenchFile[]): Promise<void> {
  const outcomes = await Promise.allSettled(files.map(({ path, render }) => writeFile(path, render())))
  const problems = outcomes.flatMap((outcome, index) =>
    outcome.status === 'fulfilled' ? [] : [`cannot write ${files[index]?.path}: ${reasonOf(outcome.reason)}`],
  )
  if (problems.length > 0) throw new BenchError(problems.join('; '))
}

/** What a person can do something about, of an error of the file system. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'there is no such file or folder'
  if (code === 'ENOTDIR') return 'what should be a folder is a file'
  if (code === 'EACCES') return 'permission denied'
  if (code === 'EISDIR') return 'it is a folder'
  if (code === 'ENOSPC') return 'there is no space left'
  return (error as Error).message
}

async function checkWritable(path: string): Promise<void> {
  try {
    const found = await statOf(path)
    if (found?.isDirectory() === true) throw new BenchError(`cannot write ${path}: it is a folder`)
    // A file that is there need not be in a folder where new ones may be made: /dev/null.
    await access(found === null ? dirname(path) : path, constants.W_OK)
  } catch (error) {
    throw error instanceof BenchError ? error : new BenchError(`cannot write ${path}: ${reasonOf(error)}`)
  }
}

async function statOf(path: string): Promise<Awaited<ReturnType<typeof stat>> | null> {
  try {
    return await stat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
