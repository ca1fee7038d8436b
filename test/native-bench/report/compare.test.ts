import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readResults } from '../../../native-bench/frame/results.ts'
import { compareText, driftsBetween } from '../../../native-bench/report/compare.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { FULL, resultsOf, rowOf, scenarioOf } from './fixture.ts'

const BEFORE = resultsOf([scenarioOf([rowOf('sluice', 'sluice', [12]), rowOf('nginx', 'native', [10])])])
const AFTER = resultsOf([scenarioOf([rowOf('sluice', 'sluice', [29]), rowOf('nginx', 'native', [20])])])

describe('two runs', () => {
  it('are compared by the ratio to nginx, so that a slower machine is no drift', () => {
    const [own, yardstick] = driftsBetween(BEFORE, AFTER)
    expect(own).toMatchObject({
      scenario: 'h1-bare',
      contestant: 'sluice',
      of: 'ratio to nginx',
      before: 1.2,
      after: 1.45,
    })
    expect(own?.percent).toBeCloseTo(20.8, 1)
    expect(yardstick).toMatchObject({ contestant: 'nginx', of: 'figure', before: 10, after: 20, percent: 100 })
  })

  it('have what drifted by more than 10 % marked', () => {
    const text = compareText(BEFORE, AFTER)
    expect(text).toMatch(/^h1-bare +sluice +ratio to nginx +1\.20 -> +1\.45 +\+20\.8 % {2}more than 10 %$/m)
    expect(text).toContain('2 of 2 drifted by more than 10 %')
    expect(compareText(BEFORE, BEFORE)).toContain('0 of 2 drifted')
  })

  it('leave out whom only one of them has, or who failed', () => {
    const contestants = driftsBetween(resultsOf([FULL]), resultsOf([FULL])).map(({ contestant }) => contestant)
    expect(contestants).toEqual(['sluice', 'sluice, pipelining 8', 'nginx', 'httpxy', 'http-proxy'])
    expect(compareText(BEFORE, resultsOf([]))).toContain('no contestant')
  })
})

describe('a file of results', () => {
  it('is read as it was written', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('results.json')
    writeFileSync(path, JSON.stringify(resultsOf([FULL])))
    expect(readResults(path)).toEqual(resultsOf([FULL]))
  })

  it.each([
    ['{', 'cannot be read as JSON'],
    ['{"format":"other"}', 'holds no results of this bench'],
    ['null', 'holds no results of this bench'],
  ])('that is none is refused: %s', async (text, reason) => {
    await using folder = await temporaryFolder()
    const path = folder.file('results.json')
    writeFileSync(path, text)
    expect(() => readResults(path)).toThrow(reason)
    expect(() => readResults(folder.file('nowhere.json'))).toThrow('cannot be read')
  })
})
