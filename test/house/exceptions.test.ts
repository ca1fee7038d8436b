import { describe, expect, it } from 'vitest'
import exceptions from './exceptions.json' with { type: 'json' }
import { sourcesIn, textOf } from './repository.ts'

/**
 * Rules that have exceptions: each is listed in exceptions.json, and the lists may only shrink. The numbers here are
 * lowered when a list gets shorter; raising one needs a reason that convinces a reviewer.
 */
const LENGTH_MAX: Record<keyof typeof exceptions, number> = {
  filesPast600Lines: 0,
  lintSuppressions: 0,
  typeSuppressions: 0,
  anyCasts: 0,
}

const FOLDERS = ['engine', 'src', 'scripts', 'perf', 'test', 'native-bench']

/** One entry for each place, `path: what`, so that a second exception in a file is a new one. */
function places(pattern: RegExp): string[] {
  return sourcesIn(FOLDERS)
    .filter(path => !path.startsWith('test/house/'))
    .flatMap(path => [...textOf(path).matchAll(pattern)].map(match => `${path}: ${match[1] ?? match[0]}`))
}

const FOUND: Record<keyof typeof exceptions, () => string[]> = {
  filesPast600Lines: () => sourcesIn(FOLDERS).filter(path => textOf(path).split('\n').length > 601),
  lintSuppressions: () => places(/biome-ignore(?:-all|-start)?\s+([\w/]+)/g),
  typeSuppressions: () => places(/@ts-(?:ignore|expect-error|nocheck)/g),
  anyCasts: () => places(/\bas (?:unknown as )?any\b/g),
}

describe('the exceptions', () => {
  const names = Object.keys(exceptions) as (keyof typeof exceptions)[]

  it.each(names)('of %s are those that are listed, and none that is no longer needed', name => {
    expect(FOUND[name]().toSorted()).toEqual((exceptions[name] as string[]).toSorted())
  })

  it.each(names)('of %s have only become fewer', name => {
    expect(exceptions[name].length).toBeLessThanOrEqual(LENGTH_MAX[name])
  })
})
