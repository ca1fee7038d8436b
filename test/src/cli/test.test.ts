import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Folder } from './command.ts'

const CONFIGURATION = `
listeners: { web: { address: ":80" } }
upstreams: { api: { endpoints: [{ address: 10.0.0.1:80 }] } }
routes:
  - { name: users, match: { path: /users/* }, upstream: api }
  - { name: teapot, match: { path: /tea }, respond: { status: 418 } }
`

const GOOD = `
config: sluice.yaml
tests:
  - { name: users go to the api, request: http://a/users/7, expect: { route: users, upstream: api } }
  - { request: GET http://a/tea, expect: { status: 418 } }
`

const BAD = `
config = "sluice.yaml"
[[tests]]
name = "tea is for users"
request = "http://a/tea"
expect = { route = "users", status = 200 }
`

describe('sluice test', () => {
  test('names every test that passes, and ends with 0', async () => {
    await using folder = await Folder.make({ 'sluice.yaml': CONFIGURATION, 'good.test.yaml': GOOD })
    expect(await folder.run('test', 'good.test.yaml')).toEqual({
      code: 0,
      stdout: '✓ users go to the api\n✓ GET http://a/tea\n\n2 passed, 0 failed\n',
      stderr: '',
    })
  })

  test('says what is not as expected, ends with 1, and writes the report all the same', async () => {
    await using folder = await Folder.make({
      'sluice.yaml': CONFIGURATION,
      'good.test.yaml': GOOD,
      'bad.test.toml': BAD,
    })
    const { code, stdout } = await folder.run('test', 'good.test.yaml', 'bad.test.toml', '--junit', 'report.xml')
    expect(code).toBe(1)
    expect(stdout).toBe(
      [
        'good.test.yaml',
        '✓ users go to the api',
        '✓ GET http://a/tea',
        'bad.test.toml',
        '✗ tea is for users',
        '    route   expected users',
        '            got      teapot',
        '    status  expected 200',
        '            got      418',
        '    users does not match: path: wanted /users/*, found /tea',
        '',
        '2 passed, 1 failed',
        '',
      ].join('\n'),
    )
    const report = readFileSync(folder.file('report.xml'), 'utf8')
    expect(report).toContain('<testsuites name="sluice test" tests="3" failures="1" errors="0"')
    expect(report).toContain('<testsuite name="bad.test.toml" tests="1" failures="1"')
  })

  test('runs only the tests that are asked for, in whatever file they are', async () => {
    await using folder = await Folder.make({
      'sluice.yaml': CONFIGURATION,
      'good.test.yaml': GOOD,
      'bad.test.toml': BAD,
    })
    const { code, stdout } = await folder.run('test', 'bad.test.toml', 'good.test.yaml', '--filter', 'users go')
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'good.test.yaml\n✓ users go to the api\n\n1 passed, 0 failed\n',
    })
    const none = await folder.run('test', 'good.test.yaml', '--filter', 'nothing')
    expect(none).toEqual({ code: 1, stdout: '', stderr: 'sluice: no test has "nothing" in its name\n' })
  })

  test('goes by the configuration that -c names before the one of the file', async () => {
    await using folder = await Folder.make({
      'other.yaml': CONFIGURATION.replace('418', '200'),
      'sluice.yaml': CONFIGURATION,
      'good.test.yaml': GOOD,
      'plain.test.yaml': GOOD.replace('config: sluice.yaml', ''),
    })
    expect((await folder.run('test', 'good.test.yaml', '-c', 'other.yaml')).code).toBe(1)
    expect((await folder.run('test', 'plain.test.yaml')).code).toBe(0)
  })

  test('tells all that is wrong with the files before it runs a test, with line and column', async () => {
    await using folder = await Folder.make({
      'sluice.yaml': CONFIGURATION,
      'good.test.yaml': GOOD,
      'wrong.test.yaml': 'tests:\n  - { request: /x, expect: { rout: y } }\n',
    })
    expect(await folder.run('test', 'good.test.yaml', 'wrong.test.yaml')).toEqual({
      code: 1,
      stdout: '',
      stderr: [
        'wrong.test.yaml:2:16: tests[0].request: "/x" is not a URL such as http://api.example.com/v1/users [wrong-value]',
        'wrong.test.yaml:2:30: tests[0].expect.rout: unknown key; did you mean "route"? [unknown-key]',
        '',
      ].join('\n'),
    })
    const missing = await folder.run('test', 'none.yaml')
    expect(missing).toMatchObject({ code: 1, stderr: 'none.yaml: there is no such file [unreadable-file]\n' })
    const unwritable = await folder.run('test', 'good.test.yaml', '--junit', 'none/report.xml')
    expect(unwritable).toMatchObject({ code: 1, stderr: 'sluice: none/report.xml: cannot be written (ENOENT)\n' })
  })

  test('ends with 2 where no file is named', async () => {
    await using folder = await Folder.make()
    expect((await folder.run('test')).code).toBe(2)
  })
})
