import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { formatProblem } from '../../src/config/errors.ts'
import { parseRouteTests } from '../../src/explain/load-route-tests.ts'
import { openExplainer } from '../../src/explain/open-explainer.ts'
import { runRouteTest } from '../../src/explain/run-route-tests.ts'
import { textOf } from './repository.ts'

interface Recipe {
  readonly title: string
  readonly configuration: string
  readonly tests: string
}

const recipes = textOf('docs/cookbook.md')
  .split(/^## /m)
  .slice(1)
  .map((section): Recipe => {
    const [configuration = '', tests = ''] = [...section.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
      match => match[1]!,
    )
    return { title: section.slice(0, section.indexOf('\n')), configuration, tests }
  })

/** The folder that recipes with files and other files speak of. */
const folder = mkdtempSync(join(tmpdir(), 'sluice-cookbook-'))
for (const name of ['public/assets', 'conf.d']) mkdirSync(join(folder, name), { recursive: true })
afterAll(() => rmSync(folder, { recursive: true }))

describe('the cookbook', () => {
  it('has recipes, nearly all of them with a configuration', () => {
    expect(recipes.length).toBeGreaterThan(20)
    expect(recipes.filter(({ configuration }) => configuration === '').map(({ title }) => title)).toEqual([
      'Coming from nginx',
    ])
  })

  it('leads to every recipe from its beginning', () => {
    const anchors = recipes.map(
      ({ title }) =>
        `(#${title
          .toLowerCase()
          .replaceAll(/[^a-z0-9 _-]/g, '')
          .replaceAll(' ', '-')})`,
    )
    const contents = textOf('docs/cookbook.md').split(/^## /m)[0]!
    expect([...contents.matchAll(/\(#[^)]+\)/g)].map(([link]) => link).toSorted()).toEqual(anchors.toSorted())
  })

  it.each(recipes.filter(({ configuration }) => configuration !== ''))(
    'says of "$title" what is so, and nothing is to be said of its configuration',
    async ({ configuration, tests }) => {
      const file = join(folder, 'sluice.yaml')
      writeFileSync(file, configuration)
      using loaded = await openExplainer(file)
      expect(loaded.configuration.warnings.map(formatProblem)).toEqual([])
      for (const test of parseRouteTests(tests, 'cookbook.test.yaml').tests) {
        expect(runRouteTest(loaded.explainer, test)).toMatchObject({ failure: null })
      }
    },
  )
})
