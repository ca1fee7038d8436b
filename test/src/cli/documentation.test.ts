import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type CommandNode, commandTree, nodesOf } from '../../../src/cli/command-tree.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import { controlMethods, type Instance } from '../../../src/control/methods.ts'

const page = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')

const PAGE = page('command-line.md')
const LEAVES = nodesOf(commandTree(await buildProgram())).filter(node => node.children.length === 0)
const nameOf = (node: CommandNode) => ['sluice', ...node.path].join(' ')

/** The text below each heading of the second level. */
const SECTIONS = new Map(
  PAGE.split(/^## /m)
    .slice(1)
    .map(section => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n'))]),
)

/** First cells of table rows that hold nothing but code: `-c, --config <FILE>`. */
function flagsIn(text: string): string[] {
  return [...text.matchAll(/^\| `(-[^`]+)` \|/gm)].map(match => match[1]!)
}

function flagsOf(node: CommandNode): string[] {
  return node.options
    .filter(({ long }) => long !== '--help')
    .map(({ short, long, name }) => `${short === '' ? '' : `${short}, `}${long}${name === '' ? '' : ` <${name}>`}`)
}

describe('docs/command-line.md', () => {
  test('has a section for each command, and for no other', () => {
    const named = [...SECTIONS.keys()].filter(title => title.startsWith('sluice '))
    expect(named.toSorted()).toEqual(LEAVES.map(nameOf).toSorted())
    const listed = [...PAGE.matchAll(/^\| \[`(sluice [a-z -]+)`\]\(#([a-z-]+)\) \|/gm)]
    expect(listed.map(match => match[1]!).toSorted()).toEqual(LEAVES.map(nameOf).toSorted())
    for (const [, name, anchor] of listed) expect(anchor).toBe(name!.replaceAll(' ', '-'))
  })

  test.each(LEAVES.filter(node => nameOf(node) !== 'sluice bench').map(node => [nameOf(node), node] as const))(
    'has every option of %s, and no other, and an example',
    (name, node) => {
      const section = SECTIONS.get(name) ?? ''
      expect(flagsIn(section).toSorted()).toEqual(flagsOf(node).toSorted())
      expect(section).toMatch(/^(?:\$ )?sluice \w+/m)
    },
  )

  test('has every method and every error of the control socket, and no other', () => {
    const namesBelow = (head: string) => {
      const table = PAGE.slice(PAGE.indexOf(head)).split('\n\n')[0] ?? ''
      return [...table.matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) \|/gm)].flatMap(match => match[1]!.match(/[a-z_]+/g) ?? [])
    }
    const methods = namesBelow('| method | what it answers |')
    expect(methods.toSorted()).toEqual(Object.keys(controlMethods({} as Instance)).toSorted())
    const wire = readFileSync(new URL('../../../src/control/wire.ts', import.meta.url), 'utf8')
    const codes = [...wire.matchAll(/^ {2}\| '([a-z_]+)'$/gm)].map(match => match[1]!)
    const socket = SECTIONS.get('The control socket') ?? ''
    const documented = [...socket.slice(socket.indexOf('| code |')).matchAll(/`([a-z_]+)`(?=.*\|)/g)].map(
      match => match[1]!,
    )
    expect(documented.toSorted()).toEqual(codes.toSorted())
  })
})

test('docs/bench.md has every option of sluice bench, and no other', () => {
  const bench = LEAVES.find(node => nameOf(node) === 'sluice bench')!
  const documented = [...page('bench.md').matchAll(/^\|.*/gm)]
    .flatMap(row => [...(row[0].split('|')[1] ?? '').matchAll(/`((?:-\w, )?--[a-z-]+)/g)])
    .map(match => match[1]!)
  const known = bench.options
    .filter(({ long }) => long !== '--help')
    .map(({ short, long }) => (short === '' ? long : `${short}, ${long}`))
  expect(documented.toSorted()).toEqual(known.toSorted())
})
