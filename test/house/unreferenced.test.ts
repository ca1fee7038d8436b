import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesIn, ROOT, referencesOf, sourcesIn, textOf } from './repository.ts'

/** What users and npm scripts begin at. Worker modules are reached from the code that starts them. */
const ENTRY_POINTS = ['src/index.ts', 'src/cli/main.ts', 'engine/index.ts']

function reachableFrom(entries: readonly string[]): Set<string> {
  const reached = new Set<string>()
  const left = [...entries]
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    if (reached.has(path) || !path.endsWith('.ts') || !existsSync(join(ROOT, path))) continue
    reached.add(path)
    left.push(...referencesOf(path).files)
  }
  return reached
}

describe('every source', () => {
  it('is reached from an entry point', () => {
    const scripts = sourcesIn(['scripts'])
    const reached = reachableFrom([...ENTRY_POINTS, ...scripts])
    expect(sourcesIn(['engine', 'src']).filter(path => !reached.has(path))).toEqual([])
  })

  it('refers to files that are there', () => {
    const sources = sourcesIn(['engine', 'src', 'scripts', 'perf', 'test', 'native-bench'])
    const missing = sources
      .filter(path => !path.startsWith('test/house/'))
      .flatMap(path =>
        referencesOf(path)
          .files.filter(file => !existsSync(join(ROOT, file)))
          .map(file => `${path} -> ${file}`),
      )
    expect(missing).toEqual([])
  })
})

describe('every file beside the tests in test/', () => {
  it('is used by a test', () => {
    const tests = sourcesIn(['test']).filter(path => path.endsWith('.test.ts'))
    const reached = reachableFrom([...tests, ...sourcesIn(['perf'])])
    expect(sourcesIn(['test']).filter(path => !reached.has(path))).toEqual([])
  })
})

describe('every link in the documentation', () => {
  it('leads to a file that is there', () => {
    const pages = filesIn(['', 'docs', 'config', 'perf', 'native-bench']).filter(path => path.endsWith('.md'))
    const broken = pages.flatMap(page =>
      [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map(match => new URL(match[1]!, `file:///${page}`).pathname.slice(1))
        .filter(target => !existsSync(join(ROOT, target)))
        .map(target => `${page} -> ${target}`),
    )
    expect(broken).toEqual([])
  })
})
