import { expect, test } from 'vitest'
import { Folder } from './command.ts'

const GOOD = `
listeners: { web: { address: 127.0.0.1:8080 } }
upstreams: { api: { endpoints: [{ address: 10.0.0.1:1 }, { address: 10.0.0.1:2 }] } }
routes: [{ upstream: api }, { match: { path: /x }, respond: {} }]
`

test('validate says in one line what a file that is fine holds', async () => {
  await using folder = await Folder.make({ 'sluice.yaml': GOOD, 'other.json': '{"listeners":{"a":{"address":":1"}}}' })
  expect(await folder.run('validate')).toEqual({
    code: 0,
    stdout: 'sluice.yaml is valid: 1 listener, 1 upstream with 2 endpoints, 2 routes\n',
    stderr: '',
  })
  expect(await folder.run('validate', '-c', 'other.json')).toMatchObject({
    code: 0,
    stdout: 'other.json is valid: 1 listener, 0 upstreams with 0 endpoints, 0 routes\n',
  })
})

test('validate and start print every problem of a file that is wrong, and end with 1', async () => {
  await using folder = await Folder.make({ 'bad.yaml': 'listeners: { web: { adress: 1 } }\nadmin: {}\n' })
  const stderr = [
    'bad.yaml:1:14: listeners.web.address: is missing',
    'bad.yaml:1:21: listeners.web.adress: unknown key; did you mean "address"?',
    'bad.yaml:2:1: admin: is not supported yet',
    '',
  ].join('\n')
  expect(await folder.run('validate', '-c', 'bad.yaml')).toEqual({ code: 1, stdout: '', stderr })
  expect(await folder.run('start', '--config', 'bad.yaml')).toEqual({ code: 1, stdout: '', stderr })
})

test('a file that is not there is one line and exit code 1', async () => {
  await using folder = await Folder.make()
  const outcome = {
    code: 1,
    stdout: '',
    stderr: 'sluice.yaml: there is no such file; name another with -c FILE\n',
  }
  expect(await folder.run('validate')).toEqual(outcome)
  expect(await folder.run('start')).toEqual(outcome)
})
