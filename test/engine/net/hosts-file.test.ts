import { mkdir, unlink, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { canonicalName, HostsFile, parseHosts } from '../../../engine/net/hosts-file.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('a hosts file', () => {
  it('has the addresses of each name, in its order', () => {
    const text = [
      '# the usual ones',
      '127.0.0.1\tlocalhost  LocalHost.LocalDomain # and a remark',
      '::1 localhost',
      '',
      '  10.0.0.1   api api.internal.  api',
      '10.0.0.2 api\r',
      '10.0.0.1 api',
      'fe80::1%eth0 link',
    ].join('\n')
    expect(Object.fromEntries(parseHosts(text))).toEqual({
      localhost: ['127.0.0.1', '::1'],
      'localhost.localdomain': ['127.0.0.1'],
      api: ['10.0.0.1', '10.0.0.2'],
      'api.internal': ['10.0.0.1'],
      link: ['fe80::1%eth0'],
    })
  })

  it.each(['', '#', '10.0.0.1', '10.0.0 api', 'api 10.0.0.1', '10.0.0.256 api', '#10.0.0.1 api', '\0\n\xff\n'])(
    'passes over what says nothing: %j',
    text => {
      expect(parseHosts(text).size).toBe(0)
    },
  )

  it('is read again when it has changed, and may come and go', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('hosts')
    const file = new HostsFile(path)
    expect(await file.find('api')).toEqual([])
    await writeFile(path, '10.0.0.1 api\n')
    expect(await file.find('api')).toEqual(['10.0.0.1'])
    await writeFile(path, '10.0.0.2 api\n10.0.0.3 api\n')
    expect(await Promise.all([file.find('api'), file.find('db')])).toEqual([['10.0.0.2', '10.0.0.3'], []])
    await unlink(path)
    expect(await file.find('api')).toEqual([])
  })

  it('has no names if it cannot be read', async () => {
    await using folder = await temporaryFolder()
    await mkdir(folder.file('hosts'))
    expect(await new HostsFile(folder.file('hosts')).find('api')).toEqual([])
  })
})

describe('a canonical name', () => {
  it.each([
    ['api.internal', 'api.internal'],
    ['API.Internal.', 'api.internal'],
    ['_HTTP._tcp.api', '_http._tcp.api'],
    ['Bücher.example', 'xn--bcher-kva.example'],
    ['.', ''],
    ['', ''],
  ])('of %j is %j', (name, canonical) => {
    expect(canonicalName(name)).toBe(canonical)
  })
})
