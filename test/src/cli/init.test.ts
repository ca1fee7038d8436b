import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Folder } from './command.ts'

test('init writes a file with comments that validates without a remark, and that start runs', async () => {
  await using folder = await Folder.make()
  expect(await folder.run('init')).toEqual({
    code: 0,
    stdout: 'sluice.yaml is written. Check it: sluice validate. Run it: sluice start\n',
    stderr: '',
  })
  const path = folder.file('sluice.yaml')
  const text = readFileSync(path, 'utf8')
  expect(text.split('\n').filter(line => line.includes('#')).length).toBeGreaterThan(10)
  expect(await folder.run('validate')).toMatchObject({ code: 0, stderr: '' })

  // Any free port, and lines for programs: as somebody would change it.
  writeFileSync(path, text.replace('":${PORT:-8080}"', '127.0.0.1:0').replace('format: pretty', 'format: json'))
  await using command = folder.start('start')
  const response = await fetch(await command.url('web'))
  expect(await response.text()).toMatch('Sluice is running')
  command.signal('SIGTERM')
  expect(await command.outcome()).toMatchObject({ code: 0 })
})

test('init points editors at the schema of the package that has written the file', async () => {
  await using folder = await Folder.make()
  await folder.run('init', 'a.yaml')
  const schema = /^# yaml-language-server: \$schema=(\S+)$/m.exec(readFileSync(folder.file('a.yaml'), 'utf8'))?.[1]
  expect(JSON.parse(readFileSync(schema!, 'utf8'))).toMatchObject({ title: 'Sluice configuration' })
})

test('init replaces nothing unless it is told to', async () => {
  await using folder = await Folder.make({ 'sluice.toml': 'mine', 'mine.yaml': 'mine' })
  expect(await folder.run('init')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'sluice: sluice.toml is already there; --force replaces it\n',
  })
  expect(await folder.run('init', 'mine.yaml')).toMatchObject({
    code: 1,
    stderr: 'sluice: mine.yaml is already there; --force replaces it\n',
  })
  expect(readFileSync(folder.file('mine.yaml'), 'utf8')).toBe('mine')
  expect(await folder.run('init', 'mine.yaml', '--force')).toMatchObject({
    code: 0,
    stdout: 'mine.yaml is written. Check it: sluice validate -c mine.yaml. Run it: sluice start -c mine.yaml\n',
  })
  expect(readFileSync(folder.file('mine.yaml'), 'utf8')).toContain('listeners:')
})

test('init writes YAML only, and says when it cannot write at all', async () => {
  await using folder = await Folder.make()
  expect(await folder.run('init', 'sluice.toml')).toMatchObject({
    code: 2,
    stderr: 'sluice: sluice.toml: what is written is YAML, so its name has to end in .yaml or .yml\n',
  })
  expect(await folder.run('init', 'nowhere/sluice.yaml')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^sluice: ENOENT[^\n]+\n$/),
  })
})
