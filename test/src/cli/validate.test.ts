import { expect, test } from 'vitest'
import { Folder } from './command.ts'

const GOOD = `
listeners: { web: { address: 127.0.0.1:8080 } }
upstreams: { api: { endpoints: [{ address: 10.0.0.1:1 }, { address: 10.0.0.1:2 }] } }
routes: [{ upstream: api }, { match: { path: /x }, respond: {} }]
`
const BAD = 'listeners: { web: { adress: 1 } }\nadmin: {}\nroutes: [{ respond: {} }]\n'

const PROBLEMS = [
  'bad.yaml:1:14: listeners.web.address: is missing [missing-key]',
  'bad.yaml:1:21: listeners.web.adress: unknown key; did you mean "address"? [unknown-key]',
  'bad.yaml:2:1: admin: is not supported yet [not-supported-yet]',
]

test('validate says in one line what a file that is fine holds', async () => {
  await using folder = await Folder.make({
    'sluice.yaml': GOOD,
    'other.json': '{"listeners":{"a":{"address":":1"}},"routes":[{"respond":{}}]}',
  })
  expect(await folder.run('validate')).toEqual({
    code: 0,
    stdout: 'sluice.yaml is valid: 1 listener, 1 upstream with 2 endpoints, 2 routes\n',
    stderr: '',
  })
  expect(await folder.run('validate', '-c', 'other.json')).toMatchObject({
    code: 0,
    stdout: 'other.json is valid: 1 listener, 0 upstreams with 0 endpoints, 1 route\n',
  })
})

test('validate prints every problem of a file that is wrong and how many there are, start the problems; both end with 1', async () => {
  await using folder = await Folder.make({ 'bad.yaml': BAD })
  const outcome = { code: 1, stdout: '' }
  const lines = `${PROBLEMS.join('\n')}\n`
  expect(await folder.run('validate', '-c', 'bad.yaml')).toEqual({ ...outcome, stderr: `${lines}3 errors\n` })
  expect(await folder.run('start', '--config', 'bad.yaml')).toEqual({ ...outcome, stderr: lines })
})

test('validate prints warnings, counts them, and ends with 0', async () => {
  await using folder = await Folder.make({
    'sluice.yaml': GOOD.replace('routes: [', 'routes: [{ match: { path: /x }, respond: {} }, '),
  })
  const { code, stdout, stderr } = await folder.run('validate')
  expect([code, stdout]).toEqual([
    0,
    'sluice.yaml is valid: 1 listener, 1 upstream with 2 endpoints, 3 routes; 1 warning\n',
  ])
  expect(stderr).toMatch(/^sluice\.yaml:4:\d+: warning: routes\[2\][^\n]+\[route-shadowed\]\n$/)
})

test('validate --json prints all of it for programs', async () => {
  await using folder = await Folder.make({ 'bad.yaml': BAD, 'good.yaml': GOOD })
  const bad = await folder.run('validate', '-c', 'bad.yaml', '--json')
  expect([bad.code, bad.stderr]).toEqual([1, ''])
  expect(JSON.parse(bad.stdout)).toMatchObject({
    valid: false,
    errors: 3,
    warnings: 0,
    problems: [
      { file: 'bad.yaml', line: 1, column: 14, key: 'listeners.web.address', severity: 'error', code: 'missing-key' },
      { code: 'unknown-key', hint: 'did you mean "address"?' },
      { code: 'not-supported-yet' },
    ],
  })
  const good = await folder.run('validate', '-c', 'good.yaml', '--json')
  expect(good.code).toBe(0)
  expect(JSON.parse(good.stdout)).toMatchObject({
    valid: true,
    file: 'good.yaml',
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    errors: 0,
    warnings: 0,
    problems: [],
  })
})

test('a file that is not there is one line and exit code 1', async () => {
  await using folder = await Folder.make()
  const message = 'sluice.yaml: there is no such file; write one with sluice init, or name another with -c FILE'
  const validated = await folder.run('validate')
  expect(validated).toEqual({ code: 1, stdout: '', stderr: `${message} [no-configuration]\n1 error\n` })
  expect(await folder.run('start')).toMatchObject({ code: 1, stdout: '' })
})

test('without -c the file with a usual name is meant, and several are not guessed between', async () => {
  await using folder = await Folder.make({
    'sluice.toml': '[listeners.web]\naddress = ":1"\n[[routes]]\nrespond.body = "toml"\n',
  })
  expect((await folder.run('validate')).stdout).toMatch(/^sluice\.toml is valid/)
  await using both = await Folder.make({ 'sluice.yaml': GOOD, 'sluice.toml': '' })
  const { code, stderr } = await both.run('validate')
  expect(code).toBe(1)
  expect(stderr).toMatch('sluice.yaml: there is also sluice.toml, and only one of them can be meant')
})
