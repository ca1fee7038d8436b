import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { connectControl } from '../../../src/control/client.ts'
import { createProxy, ExplainError, RequestSpecError } from '../../../src/index.ts'
import { Folder } from './command.ts'
import { startInstance } from './instance.ts'

const YAML = `
runtime: { workers: 1 }
listeners: { web: { address: 127.0.0.1:0 } }
upstreams: { api: { endpoints: [{ address: 127.0.0.1:1 }, { address: 127.0.0.1:2 }] } }
routes:
  - { name: users, match: { path: "/v1/users/{id}", headers: { x-version: "2" } }, upstream: api }
  - { name: rest, match: { client_ip: 127.0.0.0/8 }, respond: { body: hello } }
`

describe('sluice explain', () => {
  test('says as text where a request goes, and why', async () => {
    await using folder = await Folder.make({ 'sluice.yaml': YAML })
    const { code, stdout, stderr } = await folder.run(
      'explain',
      'GET',
      'https://a.example/v1/users/7',
      '-H',
      'x-version: 2',
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^listener {2}web, the only one; it speaks http/)
    expect(stdout).toContain('✓ users  chosen\n')
    expect(stdout).toContain('route     users (id = 7)\n')
    expect(stdout).toContain('sends     GET /v1/users/7 HTTP/1.1\n')
    const other = await folder.run('explain', 'http://a.example/v1/users/7', '--from', '192.0.2.1')
    expect(other.code).toBe(0)
    expect(other.stdout).toContain('✗ users  header x-version: wanted "2", found none\n')
    expect(other.stdout).toContain('✗ rest   client_ip: wanted 127.0.0.0/8, found 192.0.2.1\n')
    expect(other.stdout).toMatch(/error {5}no_route\n$/)
  })

  test('says the same as JSON, and never anything but what can be printed', async () => {
    await using folder = await Folder.make({ 'sluice.yaml': YAML })
    const { stdout } = await folder.run('explain', 'http://a/', '-H', 'x-a: \u009b2J', '--json')
    expect(stdout).toMatch(/^[\n\u0020-\u007e]*$/)
    expect(JSON.parse(stdout)).toMatchObject({ route: 'rest', answer: { status: 200 }, error: '' })
  })

  test.each([
    [['explain'], /missing required argument/],
    [['explain', '/x'], /"\/x" is not a URL such as http:/],
    [['explain', 'http://a/', '-H', 'x'], /"x" is not a field such as 'x-version: 2'/],
    [['explain', 'http://a/', '--from', 'here'], /"here" is not an IP address/],
    [['explain', 'http://a/', '--listener', 'w\u001b[2J'], /there is no listener "w\\u001b\[2J"; there is web/],
    [['explain', 'http://a/', '--control', '/x'], /--control is for --live/],
  ])('ends with 2 for wrong words, and says which: %j', async (args, message) => {
    await using folder = await Folder.make({ 'sluice.yaml': YAML })
    const { code, stdout, stderr } = await folder.run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('    at ')
  })

  test('ends with 1 for a configuration that is wrong, and where no instance runs', async () => {
    await using folder = await Folder.make({ 'sluice.yaml': 'routes: 7\n' })
    expect((await folder.run('explain', 'http://a/')).code).toBe(1)
    const { code, stderr } = await folder.run('explain', 'http://a/', '--live')
    expect(code).toBe(1)
    expect(stderr).toContain('no instance runs with')
  })

  test('masks what the configuration has from files, alone and beside what differs with the request', async () => {
    const headers = '{ authorization: "Bearer ${file:token}", x-signed: "${file:token} for ${client_ip}" }'
    const yaml = YAML.replace('upstream: api }', `upstream: api, headers: { request: { set: ${headers} } } }`)
    await using folder = await Folder.make({ 'sluice.yaml': yaml, token: 'top-secret-token' })
    const { stdout } = await folder.run('explain', 'http://a/v1/users/7', '-H', 'x-version: 2')
    expect(stdout).toContain('authorization: ***\n')
    expect(stdout).toContain('x-signed: *** 127.0.0.1\n')
    expect(stdout).not.toContain('top-secret')
    await using proxy = await createProxy(folder.file('sluice.yaml'))
    const { upstreamRequest } = await proxy.explain({ url: 'http://a/v1/users/7', headers: { 'x-version': '2' } })
    expect(upstreamRequest?.fields).toContainEqual(['authorization', '***'])
    expect(JSON.stringify(upstreamRequest)).not.toContain('top-secret')
  })

  test('with --live asks the running instance: the port that it got, its endpoints, and its configuration of now', async () => {
    await using instance = await startInstance({ 'sluice.yaml': YAML })
    const { folder, port } = instance
    const ask = (...more: string[]) =>
      folder.run('explain', `http://a:${port}/v1/users/7`, '-H', 'x-version: 2', '--live', ...more)
    const { code, stdout } = await ask()
    expect(code).toBe(0)
    expect(stdout).toContain(`listener  web, it has port ${port}\n`)
    // Nobody listens at port 1: requests show it, and the explanation knows.
    const json = async () => JSON.parse((await ask('--json')).stdout)
    expect((await json()).upstream.endpoints.map((one: { state: string }) => one.state)).toEqual(['up', 'up'])
    for (let count = 0; count < 6; count += 1) {
      await fetch(`${instance.url}/v1/users/7`, { headers: { 'x-version': '2' } }).then(response => response.text())
    }
    expect((await json()).upstream.endpoints.map((one: { state: string }) => one.state)).toContain('ejected')
    await writeFile(folder.file('sluice.yaml'), YAML.replace('name: users', 'name: people'))
    expect((await folder.run('reload')).code).toBe(0)
    expect((await json()).route).toBe('people')
    const wrong = await folder.run('explain', 'http://a/', '--live', '--listener', 'wbe')
    expect(wrong).toEqual({
      code: 1,
      stdout: '',
      stderr: 'sluice: the instance says: there is no listener "wbe"; there is web\n',
    })
  })

  test('over the control socket refuses what is no request', async () => {
    await using instance = await startInstance({
      'sluice.yaml': `${YAML.replace('workers: 1', 'workers: 1, control_socket: control.sock')}`,
    })
    const connection = await connectControl(instance.folder.file('control.sock'))
    const call = (params: unknown) => connection.call('explain', params, 5000)
    for (const params of [{}, { url: 7 }, { url: 'http://a/', headers: 'x' }, { url: 'http://a/', from: 'x' }]) {
      await expect(call(params)).rejects.toMatchObject({ code: 'bad_params' })
    }
    await expect(call({ url: 'http://a/', listener: 'x' })).rejects.toMatchObject({ code: 'bad_params' })
    expect(await call({ url: 'http://a/', headers: [['x', '1']] })).toMatchObject({ route: 'rest' })
    connection.close()
  })
})

describe('Proxy.explain', () => {
  test('explains a line, or a request that is described, by the proxy as it runs', async () => {
    await using proxy = await createProxy({
      runtime: { workers: 1 },
      listeners: { web: { address: '127.0.0.1:0' } },
      upstreams: { api: { endpoints: [{ address: '127.0.0.1:1' }, { address: '127.0.0.1:2' }] } },
      routes: [{ name: 'put', match: { method: 'PUT', client_ip: '10.0.0.0/8' }, upstream: 'api' }],
    })
    expect(await proxy.explain('GET http://a.example/')).toMatchObject({ route: null, error: 'no_route' })
    await proxy.upstream('api').down('127.0.0.1:1')
    const described = { method: 'PUT', url: 'http://a.example/x', headers: { 'x-a': ['1', '2'] }, from: '10.1.2.3' }
    const { route, upstream, upstreamRequest } = await proxy.explain(described)
    expect(route).toBe('put')
    expect(upstream?.endpoint).toBe('127.0.0.1:2')
    expect(upstreamRequest?.fields.filter(([name]) => name === 'x-a')).toEqual([
      ['x-a', '1'],
      ['x-a', '2'],
    ])
    await expect(proxy.explain('nonsense')).rejects.toThrow(RequestSpecError)
    await expect(proxy.explain({ url: 'http://a/', listener: 'none' })).rejects.toThrow(ExplainError)
  })
})
