import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseConfiguration } from '../../../src/config/load.ts'
import { Folder } from './command.ts'

const FILES = {
  'sluice.yaml': 'include: more.toml\nlisteners: { web: { address: "127.0.0.1:${PORT:-8080}" } }\n',
  'more.toml': `
[[upstreams.api.endpoints]]
address = "10.0.0.1:3000"
[upstreams.api.sticky]
cookie = "sid"
secret = "sixteen-letters-or-more"
[[routes]]
upstream = "api"
`,
}

test('config show prints the whole configuration with defaults, in YAML and in JSON, without its secrets', async () => {
  await using folder = await Folder.make(FILES)
  const yaml = await folder.run('config', 'show')
  const json = await folder.run('config', 'show', '-c', 'sluice.yaml', '--format', 'json')
  expect([yaml.code, yaml.stderr, json.code]).toEqual([0, '', 0])
  expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout))
  expect(parse(yaml.stdout)).toMatchObject({
    log: { level: 'info' },
    listeners: { web: { address: '127.0.0.1:8080', limits: { head: '32KiB' } } },
    upstreams: { api: { balance: 'round_robin', sticky: { cookie: 'sid', secret: '***' } } },
  })
  expect(yaml.stdout).not.toContain('sixteen')
})

test('what config show prints is a configuration, secrets aside', async () => {
  await using folder = await Folder.make(FILES)
  const { stdout } = await folder.run('config', 'show')
  const again = parseConfiguration(stdout.replace('***', 'sixteen-letters-or-more'), 'again.yaml')
  expect(again.snapshot.upstreams[0]).toMatchObject({ name: 'api', endpoints: [{ name: '10.0.0.1:3000' }] })
})

test('config show prints what is wrong, and ends with 1; an unknown format is wrong usage', async () => {
  await using folder = await Folder.make({ 'sluice.yaml': 'listeners: {}\nroutes: [{ respond: {} }]\n' })
  expect(await folder.run('config', 'show')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^sluice\.yaml:1:12: listeners: needs at least one listener/),
  })
  expect(await folder.run('config', 'show', '--format', 'xml')).toMatchObject({ code: 2, stdout: '' })
})

test.each(['validate', 'init', 'schema', 'config show'])('sluice %s --help has an example', async command => {
  await using folder = await Folder.make()
  const { code, stdout } = await folder.run(...command.split(' '), '--help')
  expect(code).toBe(0)
  expect(stdout).toContain(`$ sluice ${command}`)
})
