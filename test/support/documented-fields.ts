import { readFileSync } from 'node:fs'

/** The fields that a table of docs/logs.md lists, in its order, below the heading. */
export function documentedFields(heading: string): string[] {
  const page = readFileSync(new URL('../../docs/logs.md', import.meta.url), 'utf8')
  const section = page.split(/^## /m).find(text => text.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`docs/logs.md has nothing with the heading ${heading}`)
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(match => match[1] ?? '')
}
