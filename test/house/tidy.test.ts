import { describe, expect, it } from 'vitest'
import { filesIn, sourcesIn, textOf } from './repository.ts'

/** Patterns are written so that they do not find themselves. */

const SOURCES = sourcesIn(['engine', 'src', 'scripts', 'perf', 'native-bench', 'test'])
const TESTS = sourcesIn(['test'])
const TEXTS = filesIn(['', '.ci', 'config', 'docs', 'engine', 'native-bench', 'perf', 'scripts', 'src', 'test']).filter(
  path => /(?:\.(?:ts|json|ya?ml|md|txt|sh|conf)|^LICENSE|^\.ci\/run)$/.test(path) && path !== 'package-lock.json',
)

function linesWith(pattern: RegExp, paths: readonly string[]): string[] {
  return paths.flatMap(path =>
    textOf(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  )
}

describe('the sources', () => {
  it('leave no notes about work to be done', () => {
    expect(linesWith(/\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/, SOURCES)).toEqual([])
  })

  it('print nothing from the engine', () => {
    const engine = SOURCES.filter(path => path.startsWith('engine/'))
    expect(linesWith(/\bconsole\.|\bprocess\.(?:stdout|stderr)\b/, engine)).toEqual([])
  })
})

describe('the tests', () => {
  it('all run: none is left out, none runs alone', () => {
    expect(linesWith(/\b(?:it|test|describe|suite)\.(?:only|skip|todo|fails)\b/, TESTS)).toEqual([])
  })

  it('wait for what happens, not for time to pass', () => {
    const sleeps = /setTimeout\((?:resolve|done|next|r)\b|setTimeout\(\(\) => (?:resolve|done)\b|timers\/promise[s]/
    expect(linesWith(sleeps, TESTS)).toEqual([])
  })
})

describe('every text', () => {
  it('names no path of one machine', () => {
    const paths = /(?<![\w.*}~)-])\/(?:work|home|root|Users)\/\w|\/tmp\/prob[e]/
    expect(linesWith(paths, TEXTS)).toEqual([])
  })

  it('ends its lines with LF, the last one too, and leaves no spaces behind', () => {
    const data = /^test\/conformance\/data\//
    const untidy = TEXTS.filter(path => !data.test(path)).filter(path => {
      const text = textOf(path)
      return text !== '' && (/\r|[ \t]\n/.test(text) || !text.endsWith('\n'))
    })
    expect(untidy).toEqual([])
  })
})

describe('files and folders', () => {
  it('have names in kebab-case', () => {
    const odd = SOURCES.filter(path => !/^(?:[a-z0-9-]+\/)*[a-z0-9-]+(?:\.(?:test|bench))?\.ts$/.test(path))
    expect(odd).toEqual([])
  })
})
