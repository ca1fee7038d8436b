import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  autoFolders,
  autoSocketPath,
  checkFolder,
  checkPathLength,
  ensureFolder,
  namedSocketPath,
  usableFolder,
} from '../../../src/control/socket-path.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('the path of an automatic control socket', () => {
  const run = '/run/user/1000/sluice'

  test('is made of the absolute path of the configuration, however it is named', () => {
    const path = autoSocketPath(run, '/etc/sluice/sluice.yaml')
    expect(path).toMatch(/^\/run\/user\/1000\/sluice\/sluice\.yaml-[0-9a-f]{16}\.sock$/)
    expect(autoSocketPath(run, '/etc/../etc/sluice/./sluice.yaml')).toBe(path)
    expect(autoSocketPath(run, 'sluice.yaml')).toBe(autoSocketPath(run, resolve('sluice.yaml')))
    expect(autoSocketPath(run, '/etc/sluice2/sluice.yaml')).not.toBe(path)
  })

  test('is short and plain, whatever the file is called', () => {
    const path = autoSocketPath(run, `/srv/${'ü\n '.repeat(500)}.yaml`)
    expect(path).toMatch(/^\/run\/user\/1000\/sluice\/[A-Za-z0-9._-]+$/)
    expect(() => checkPathLength(path)).not.toThrow()
  })

  test('is another for each process that reads from a pipe', () => {
    expect(autoSocketPath(run, '/dev/stdin')).toContain(`process-${process.pid}.sock`)
  })

  test('is in the folder for running things, or in one of the user’s for temporary things', () => {
    expect(autoFolders({ XDG_RUNTIME_DIR: '/run/user/1000' })).toEqual([run, expect.stringMatching(/\/sluice-\d+$/)])
    expect(autoFolders({})[0]).toMatch(/\/sluice-\d+$/)
    expect(autoFolders({ XDG_RUNTIME_DIR: 'relative' })).toEqual(autoFolders({}))
    expect(autoFolders({ XDG_RUNTIME_DIR: '' })).toEqual(autoFolders({}))
  })

  test('is looked for where an instance has it whose surroundings have a folder for running things', () => {
    expect(autoFolders({}).at(-1)).toBe(`/run/user/${process.getuid?.()}/sluice`)
  })
})

test('the path of a control socket that is named begins at the folder of the configuration', async () => {
  await using folder = await temporaryFolder()
  expect(namedSocketPath('run/x.sock', folder.file('sluice.yaml'))).toBe(folder.file('run/x.sock'))
  expect(namedSocketPath('run/x.sock', folder.path)).toBe(folder.file('run/x.sock'))
  expect(namedSocketPath('/run/x.sock', folder.file('sluice.yaml'))).toBe('/run/x.sock')
  expect(namedSocketPath('x.sock', '/dev/stdin')).toBe(resolve('x.sock'))
})

describe('the folder of control sockets', () => {
  test('is made for the user alone, and is not there before', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('sluice')
    expect(checkFolder(path)).toBe(false)
    ensureFolder(path)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    ensureFolder(path)
    expect(checkFolder(path)).toBe(true)
  })

  test('is the first that can be had, and where none can be, what is wrong with the first is told', async () => {
    await using folder = await temporaryFolder()
    const bad = folder.file('missing/sluice')
    expect(usableFolder([bad, folder.file('second'), folder.file('third')])).toBe(folder.file('second'))
    expect(checkFolder(folder.file('third'))).toBe(false)
    expect(() => usableFolder([bad, '/dev/null/x'])).toThrow(`${bad} cannot be made (ENOENT)`)
  })

  test('is refused where others may write, with the way to mend it', async () => {
    await using folder = await temporaryFolder()
    mkdirSync(folder.file('open'))
    chmodSync(folder.file('open'), 0o755)
    expect(() => ensureFolder(folder.file('open'))).toThrow(/mode 755\); run: chmod 700 /)
  })

  test('is refused where a link or a file stands in its place', async () => {
    await using folder = await temporaryFolder()
    mkdirSync(folder.file('real'), { mode: 0o700 })
    symlinkSync(folder.file('real'), folder.file('link'))
    writeFileSync(folder.file('file'), '')
    expect(() => checkFolder(folder.file('link'))).toThrow(/is not a folder/)
    expect(() => checkFolder(folder.file('file'))).toThrow(/is not a folder/)
    expect(() => ensureFolder(join(folder.file('file'), 'below'))).toThrow(/cannot be made \(ENOTDIR\)/)
  })

  test.skipIf(process.getuid?.() === 0)('is refused where it is another user’s', () => {
    expect(() => checkFolder('/')).toThrow(/belongs to another user/)
  })
})

test('a path that no socket can have is refused, with its length', () => {
  expect(() => checkPathLength(`/${'x'.repeat(200)}`)).toThrow(/has 201 bytes, the system allows/)
  expect(() => checkPathLength(`/${'x'.repeat(100)}`)).not.toThrow()
})
