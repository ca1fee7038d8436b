import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { scenarios } from '../../../native-bench/scenarios/index.ts'

const FOLDER = fileURLToPath(new URL('../../../native-bench/scenarios', import.meta.url))

describe('the scenarios', () => {
  it('are one file each, of its name, and all of them are in the index', () => {
    const files = readdirSync(FOLDER).filter(name => name !== 'index.ts')
    expect(scenarios.map(({ name }) => `${name}.ts`).toSorted()).toEqual(files.toSorted())
  })

  it.each(scenarios.map(scenario => [scenario.name, scenario] as const))(
    '%s describes what it measures',
    (_, scenario) => {
      expect(scenario.summary).toMatch(/^[A-Z0-9].*\.$/)
      expect(scenario.measures.length).toBeGreaterThan(0)
      expect(scenario.variants[0]?.name).toBe('')
      const keys = scenario.measures.map(({ key }) => key)
      expect(new Set(keys).size).toBe(keys.length)
      for (const part of scenario.measures.flatMap(({ parts }) => parts ?? [])) expect(keys).toContain(part)
    },
  )
})
