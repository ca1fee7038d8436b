import { describe, expect, it } from 'vitest'
import { parseConfiguration } from '../../src/config/load.ts'
import { startDemo } from '../../src/demo/demo.ts'
import { filesIn, textOf } from './repository.ts'

/** Whole configurations in the documentation: blocks of YAML that say where to listen. */
function configurationsIn(page: string): string[] {
  return [...textOf(page).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)]
    .map(match => match[1]!)
    .filter(text => text.startsWith('listeners:') && text.includes('\nroutes:'))
}

describe('the documentation', () => {
  it('shows configurations that are valid as they stand', () => {
    const pages = filesIn(['', 'docs', 'config']).filter(path => path.endsWith('.md'))
    const found = pages.flatMap(page => configurationsIn(page).map(text => ({ page, text })))
    expect(found.length).toBeGreaterThan(1)
    for (const { page, text } of found) expect(() => parseConfiguration(text, page)).not.toThrow()
  })

  it('tries what the demonstration says to try', async () => {
    const readme = textOf('README.md')
    // The lines are made of the configuration; where its ports are taken, there is one that runs and nothing to compare.
    const demo = await startDemo().catch((error: NodeJS.ErrnoException) => {
      expect(error.code).toBe('EADDRINUSE')
      return null
    })
    await demo?.close()
    const commands = (demo?.whatToTry ?? []).flatMap(line => /^ {2}(curl .*?) {2,}/.exec(line)?.[1] ?? [])
    for (const command of commands) expect(readme).toContain(`\n${command} `)
  })
})
