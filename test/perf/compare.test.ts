import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compare } from '../../perf/compare/command.ts'
import { formatComparisons } from '../../perf/compare/report.ts'
import { compareRows, orderOf, type RawRow } from '../../perf/compare/rounds.ts'
import { ROOT } from '../house/repository.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Five rounds of a bench that takes `before` and `after` nanoseconds, with a little noise. */
function rounds(name: string, before: number, after: number): RawRow[] {
  return [0, 1, 2, 3, 4, 5, 6].flatMap(round => [
    { round, side: 'before' as const, name, nanoseconds: before + (round % 3) / 100 },
    { round, side: 'after' as const, name, nanoseconds: after + (round % 2) / 100 },
  ])
}

describe('rounds', () => {
  it('begin with either side by turns', () => {
    expect([0, 1, 2].map(round => orderOf(round)[0])).toEqual(['before', 'after', 'before'])
  })

  it('become medians, a ratio and a verdict for each bench', () => {
    const rows = [...rounds('a', 10, 12), ...rounds('b', 10, 10), ...rounds('c', 20, 10)]
    const comparisons = compareRows(rows)
    expect(comparisons.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['a', 'slower'],
      ['b', 'no difference seen'],
      ['c', 'faster'],
    ])
    expect(comparisons[0]).toMatchObject({ beforeNs: 10.01, afterNs: 12 })
    expect(comparisons[0]!.ratio).toBeCloseTo(1.2, 2)
  })

  it('that only one side has are left out', () => {
    const rows = rounds('a', 10, 12).filter(({ side, round }) => side === 'before' || round !== 3)
    expect(compareRows([...rows, { round: 0, side: 'after', name: 'new', nanoseconds: 1 }])).toMatchObject([
      { name: 'a', verdict: 'slower' },
    ])
  })

  it('are told as text, with what chance does', () => {
    const text = formatComparisons(compareRows(rounds('http1/chunk: copied', 1000, 1200)), '0123456789', 7)
    expect(text).toMatch(/1\.00 µs +1\.20 µs +\+20\.0 % .* slower +http1\/chunk: copied/)
    expect(text).toContain('1 slower, 0 faster, 0 without a difference seen; of 1 intervals about 1 miss by chance')
    expect(formatComparisons([], '0123456789', 4)).toContain('fewer than 5 rounds tell no difference from chance')
  })
})

describe('a comparison of the working tree with a commit', () => {
  it('measures both, leaves out what the commit cannot run, and leaves nothing behind', async () => {
    await using folder = await temporaryFolder()
    const root = folder.path
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@a.example', ...args], {
        cwd: root,
        encoding: 'utf8',
      })
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const sum = (terms: number): string =>
      `export function sum(start: number): number {
        let total = start
        for (let index = 0; index < ${terms}; index += 1) total = (total * 31 + index) | 0
        return total
      }\n`
    write('package.json', '{"type":"module"}')
    write('engine/sum.ts', sum(1000))
    git('init', '--quiet')
    git('add', '.')
    git('commit', '--quiet', '--message', 'before')
    write('engine/sum.ts', `${sum(10)}export const two = 2\n`)
    write('perf/micro/harness.ts', readFileSync(join(ROOT, 'perf/micro/harness.ts'), 'utf8'))
    const harness = `"./${'harness.ts'}"`
    const engine = `"../../${'engine/sum.ts'}"`
    const benchOf = (name: string, run: string): string =>
      `import { bench, runIfMain } from ${harness}\nimport { ${name} } from ${engine}\n` +
      `let start = 0\nbench('a call', () => ${run})\nawait runIfMain(import.meta)\n`
    write('perf/micro/sum.bench.ts', benchOf('sum', 'sum(start++)'))
    write('perf/micro/two.bench.ts', benchOf('two', 'two + start++'))

    const told: string[] = []
    const tell = (text: string) => told.push(text)
    const options = { root, ref: 'HEAD', rounds: 1, load: false, milliseconds: 10, seconds: 1, tell }
    const { commit, rows, leftOut } = await compare({ ...options, filter: 'a call' })

    expect(git('rev-parse', 'HEAD').startsWith(commit)).toBe(true)
    expect(rows.map(({ round, side, name }) => [round, side, name])).toEqual([
      [0, 'before', 'sum: a call'],
      [0, 'after', 'sum: a call'],
    ])
    // A hundred times the work: whatever else the machine does, this shows.
    expect(rows[0]!.nanoseconds).toBeGreaterThan(rows[1]!.nanoseconds)
    expect(told).toEqual(['round 1 of 1'])
    expect(leftOut).toEqual([expect.stringMatching(/^two does not run on the other commit: .*'two'/)])
    expect(git('worktree', 'list').trim().split('\n').length).toBe(1)
    const nothing = compare({ ...options, load: true, filter: 'nothing' })
    await expect(nothing).rejects.toThrow('no scenario has "nothing" in its name: bare, browser')
    expect(git('worktree', 'list').trim().split('\n').length).toBe(1)
  })
})
