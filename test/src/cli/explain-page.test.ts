import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PAGE = readFileSync(join(ROOT, 'docs/explain.md'), 'utf8')

/** Commands of the page with what they print; what is cut short (`...`) shows a running instance. */
const BLOCKS = [...PAGE.matchAll(/^```console\n\$ sluice (.*)\n([\s\S]*?)^```$/gm)]
  .map(([, command, output]) => [command!, output!] as const)
  .filter(([, output]) => !output.startsWith('...'))

/** What the page calls new.yaml. */
const CHANGES = [
  ['weight: 95', 'weight: 90'],
  ['weight: 5,', 'weight: 10,'],
  ['total: 5s', 'total: 10s'],
  ['name: moved', 'name: old-items'],
  ['path: /v1/users/{id}', 'path: /v2/users/{id}'],
] as const

const REQUESTS = [
  'v1/users/7?fields=name',
  'v1/users/8?fields=mail',
  'v2/users/7?fields=name',
  'shop/items',
  'item-7.html',
]

function run(command: string, folder: string): Promise<string> {
  const sluice = `"${process.execPath}" "${join(ROOT, 'src/cli/main.ts')}" ${command}`
  return new Promise(resolve => {
    execFile('sh', ['-c', sluice], { cwd: folder, env: { PATH: process.env.PATH } }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
}

test('docs/explain.md shows what the commands print', async () => {
  await using folder = await temporaryFolder()
  symlinkSync(join(ROOT, 'config'), folder.file('config'))
  const routing = readFileSync(join(ROOT, 'config/routing.yaml'), 'utf8')
  writeFileSync(
    folder.file('new.yaml'),
    CHANGES.reduce((text, [from, to]) => text.replace(from, to), routing),
  )
  writeFileSync(folder.file('requests.txt'), REQUESTS.map(path => `http://127.0.0.1:8080/${path}\n`).join(''))
  expect(BLOCKS.map(([command]) => command.split(' ')[0])).toEqual(['explain', 'explain', 'explain', 'test', 'diff'])
  for (const [command, output] of BLOCKS)
    expect({ command, output: await run(command, folder.path) }).toEqual({ command, output })
})
