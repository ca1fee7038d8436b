import { execFile } from 'node:child_process'
import { lstatSync, mkdirSync, realpath, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { appendFile, mkdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { codeOf } from '../../../../engine/exchange/files/file-error.ts'
import { type OpenFile, openBelow } from '../../../../engine/exchange/files/open-file.ts'
import { openDescriptors } from '../../../support/open-descriptors.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const folder = await temporaryFolder()
const root = folder.file('root')
await mkdir(`${root}/sub`, { recursive: true })
await mkdir(folder.file('root-private'))
await writeFile(`${root}/a.txt`, 'abcdefghij')
await writeFile(folder.file('secret.txt'), 'secret')
await writeFile(folder.file('root-private/secret.txt'), 'secret')
await symlink('../a.txt', `${root}/sub/inside`)
await symlink('../secret.txt', `${root}/outside`)
await symlink('../root-private', `${root}/neighbour`)
await promisify(execFile)('mkfifo', [`${root}/pipe`])
afterAll(() => folder[Symbol.asyncDispose]())

async function errorOf(path: string, below = root): Promise<string> {
  try {
    const file = await openBelow(below, path)
    file.close()
    return ''
  } catch (error) {
    return codeOf(error)
  }
}

const read = (file: OpenFile, length: number, position: number) =>
  new Promise<string>(resolve => {
    const buffer = Buffer.alloc(length)
    file.read(buffer, length, position, count => resolve(buffer.toString('latin1', 0, Math.max(0, count))))
  })

describe('a file below a root', () => {
  it('is opened, where links lead to it, too', async () => {
    const file = await openBelow(root, `${root}/sub/inside`)
    expect([file.path, file.stats.size]).toEqual([`${root}/a.txt`, 10])
    expect([await read(file, 3, 0), await read(file, 20, 8), await read(file, 5, 10)]).toEqual(['abc', 'ij', ''])
    file.close()
    expect(openDescriptors(folder.path)).toEqual([])
  })

  it.each([
    ['leads out', 'outside', 'ENOENT'],
    ['leads into a folder whose name begins as that of the root', 'neighbour/secret.txt', 'ENOENT'],
    ['is a folder', 'sub', 'EISDIR'],
    ['is the root', '', 'EISDIR'],
    ['is a pipe', 'pipe', 'ENOENT'],
    ['is not there', 'nothing', 'ENOENT'],
    ['lies below a file', 'a.txt/x', 'ENOTDIR'],
    ['climbs', '../secret.txt', 'ENOENT'],
  ])('is none, and nothing stays open, where the path %s', async (_, path, code) => {
    expect(await errorOf(`${root}/${path}`)).toBe(code)
    expect(openDescriptors(folder.path)).toEqual([])
  })

  it('may be anywhere where the root is that of the system', async () => {
    expect(await errorOf(`${root}/outside`, '/')).toBe('')
  })
})

describe.runIf(process.platform === 'linux')('a folder that becomes a link when the file has just been found', () => {
  const native = realpath.native
  const real = `${root}/moving`
  afterEach(async () => {
    realpath.native = native
    await rm(real, { recursive: true })
  })

  /** Between the look and the opening, the first `times` times. */
  function moveAway(times: number): void {
    mkdirSync(real)
    writeFileSync(`${real}/secret.txt`, 'public')
    let left = times
    const exchange = () => {
      if (left <= 0) return
      left -= 1
      renameSync(real, `${real}.away`)
      symlinkSync('../root-private', real)
    }
    const comeBack = () => {
      if (!lstatSync(real).isSymbolicLink()) return
      unlinkSync(real)
      renameSync(`${real}.away`, real)
    }
    const moving = (path: string, callback: (error: NodeJS.ErrnoException | null, resolved: string) => void) => {
      comeBack()
      native(path, (error, resolved) => {
        exchange()
        callback(error, resolved)
      })
    }
    realpath.native = moving as typeof native
  }

  it('leads nowhere else: it is looked for anew', async () => {
    moveAway(1)
    const file = await openBelow(root, `${real}/secret.txt`)
    expect(await read(file, 10, 0)).toBe('public')
    file.close()
  })

  it('is nowhere where that happens each time, and nothing stays open', async () => {
    moveAway(Number.POSITIVE_INFINITY)
    expect(await errorOf(`${real}/secret.txt`)).toBe('EBUSY')
    expect(openDescriptors(folder.path)).toEqual([])
    await rm(`${real}.away`, { recursive: true })
  })
})

describe('a file that is open', () => {
  it('is closed when a read is over, and nobody hears of that', async () => {
    const file = await openBelow(root, `${root}/a.txt`)
    let heard = 0
    file.read(Buffer.alloc(1), 1, 0, () => {
      heard += 1
    })
    file.close()
    file.close()
    expect(openDescriptors(folder.path).length).toBe(1)
    while (openDescriptors(folder.path).length > 0) await new Promise(resolve => setImmediate(resolve))
    expect(heard).toBe(0)
  })

  it.each<[string, boolean, (path: string) => Promise<void>]>([
    ['left alone', false, async () => undefined],
    ['longer', false, path => appendFile(path, 'more')],
    ['shorter', true, path => truncate(path, 5)],
    ['written anew', true, path => utimes(path, new Date(1e12), new Date(1e12))],
  ])('knows whether what was read still holds: %s', async (name, hasChanged, change) => {
    const path = `${root}/${name}`
    await writeFile(path, 'abcdefghij')
    const file = await openBelow(root, path)
    await change(path)
    expect(file.hasChanged()).toBe(hasChanged)
    file.close()
  })
})
