import { describe, expect, test } from 'vitest'
import { Folder } from './command.ts'

const OLD = `
listeners: { web: { address: ":80" } }
upstreams:
  api: { endpoints: [{ address: 10.0.0.1:80 }], sticky: { cookie: sid, secret: 0123456789abcdef } }
routes:
  - { name: users, match: { path: /users/* }, upstream: api }
  - { name: tea, match: { path: /tea }, respond: { status: 418 } }
`
const NEW = OLD.replace('0123456789abcdef', 'fedcba9876543210')
  .replace('/users/* }', '/users/*, method: GET }')
  .replace('name: tea', 'name: teapot')

const LOG = [
  'GET http://a/users/7',
  'POST http://a/users/7',
  'hello',
  '10.0.0.1 - - [x] "POST /users/8 HTTP/1.1" 200 2 "-" "curl"',
  '{"level":30,"msg":"access","method":"GET","host":"a","target":"/tea","client":"10.0.0.1:5000","listener":"web"}',
].join('\n')

describe('sluice diff', () => {
  test('says that there is no difference, and ends with 0', async () => {
    await using folder = await Folder.make({ 'old.yaml': OLD, 'new.json': '', 'log.txt': LOG })
    const { stdout } = await folder.run('config', 'show', '-c', 'old.yaml', '--format', 'json')
    await using written = await Folder.make({
      'old.yaml': OLD,
      'new.json': stdout.replace('***', '0123456789abcdef'),
      'log.txt': LOG,
    })
    expect(await written.run('diff', 'old.yaml', 'new.json')).toEqual({
      code: 0,
      stdout: 'no difference in meaning\n',
      stderr: '',
    })
    expect((await written.run('diff', 'old.yaml', 'new.json', '-r', 'log.txt')).code).toBe(0)
  })

  test('says what is different in meaning and which requests go elsewhere, shows no secret, and ends with 1', async () => {
    await using folder = await Folder.make({ 'old.yaml': OLD, 'new.yaml': NEW, 'log.txt': LOG })
    const { code, stdout } = await folder.run(
      'diff',
      'old.yaml',
      'new.yaml',
      '-r',
      'log.txt',
      '--authority',
      'b.example',
    )
    expect(code).toBe(1)
    expect(stdout).toBe(
      [
        '~ upstreams.api.sticky.secret  changed (secret)',
        '+ routes[users].match.method  GET',
        '= routes[tea]  is teapot now',
        '',
        '2 of 4 requests go elsewhere',
        '2  users -> api  ⇒  404 no_route',
        '     POST http://a/users/7: /users/7 at a → nothing',
        '     POST http://b.example/users/8: /users/8 at b.example → nothing',
        '1 lines were no requests; the first is line 3: neither METHOD URL nor a line of an access log',
        '',
      ].join('\n'),
    )
    expect(stdout).not.toMatch(/0123456789|fedcba/)
  })

  test('says the same as JSON', async () => {
    await using folder = await Folder.make({ 'old.yaml': OLD, 'new.yaml': NEW, 'log.txt': LOG })
    const { stdout } = await folder.run('diff', 'old.yaml', 'new.yaml', '--json', '-r', 'log.txt')
    const difference = JSON.parse(stdout)
    expect(difference.changes[0]).toEqual({
      kind: 'changed',
      path: 'upstreams.api.sticky.secret',
      before: '(secret)',
      after: '(secret)',
    })
    expect(difference.requests).toMatchObject({ total: 4, changed: 2, wrong: 1 })
    const alone = JSON.parse((await folder.run('diff', 'old.yaml', 'new.yaml', '--json')).stdout)
    expect(alone.requests).toBe(null)
  })

  test('never says to a terminal what a log would like to', async () => {
    await using folder = await Folder.make({
      'old.yaml': OLD,
      'new.yaml': NEW,
      'log.txt': 'POST http://a/users/\u009b2J\n\u001b[2J\n',
    })
    const { stdout } = await folder.run('diff', 'old.yaml', 'new.yaml', '-r', 'log.txt')
    expect(stdout).toMatch(/^[\n\u0020-\u007e\u00a1-\uffff]*$/)
  })

  test('ends with 1 for what cannot be read, and with 2 for wrong words', async () => {
    await using folder = await Folder.make({ 'old.yaml': OLD, 'bad.yaml': 'routes: 7\n' })
    expect(await folder.run('diff', 'old.yaml', 'old.yaml', '-r', 'none.txt')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'sluice: none.txt: cannot be read (ENOENT)\n',
    })
    expect((await folder.run('diff', 'old.yaml', 'bad.yaml')).stderr).toMatch(/^bad\.yaml:1:1: listeners: is missing/)
    expect((await folder.run('diff', 'old.yaml')).code).toBe(2)
  })
})
