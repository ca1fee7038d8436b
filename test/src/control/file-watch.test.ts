import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FileWatch } from '../../../src/control/file-watch.ts'
import { Bell, within } from '../../support/bell.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** A watch on files of a folder, and how often it told of a change. */
async function scene(names: readonly string[], prepare: (folder: string) => void) {
  const folder = await temporaryFolder()
  prepare(folder.path)
  const bell = new Bell()
  let changes = 0
  const watch = new FileWatch({
    onChange: () => {
      changes += 1
      bell.ring()
    },
    onPolling: reason => expect(reason).toBe('the system can watch'),
  })
  // From a time at which everything had its last change: nothing is due.
  watch.follow(names.map(folder.file), Date.now() + 60_000)
  return {
    folder,
    watch,
    path: folder.file,
    get changes() {
      return changes
    },
    /** Resolves when it tells of a change after `act`. */
    async seen(act: () => void) {
      const rung = bell.wait()
      act()
      await within(rung, 5000, () => 'no change was seen')
    },
    async [Symbol.asyncDispose]() {
      watch.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

const write = (folder: string) => writeFileSync(join(folder, 'a.yaml'), 'one')

describe('a changed file is seen', () => {
  test('when it is written in place, again and again', async () => {
    await using watched = await scene(['a.yaml'], write)
    await watched.seen(() => writeFileSync(watched.path('a.yaml'), 'two'))
    await watched.seen(() => appendFileSync(watched.path('a.yaml'), 'three'))
    await watched.seen(() => writeFileSync(watched.path('a.yaml'), 'two'))
  })

  test('when another takes its place by a rename, again and again', async () => {
    await using watched = await scene(['a.yaml'], write)
    for (const text of ['two', 'six']) {
      await watched.seen(() => {
        writeFileSync(watched.path('.a.yaml.swp'), text)
        renameSync(watched.path('.a.yaml.swp'), watched.path('a.yaml'))
      })
    }
  })

  test('when the old one is kept under another name and a new one is made', async () => {
    await using watched = await scene(['a.yaml'], write)
    await watched.seen(() => {
      renameSync(watched.path('a.yaml'), watched.path('a.yaml~'))
      writeFileSync(watched.path('a.yaml'), 'two')
    })
    await watched.seen(() => appendFileSync(watched.path('a.yaml'), 'three'))
  })

  test('when it is removed, and when it is there again', async () => {
    await using watched = await scene(['a.yaml'], write)
    await watched.seen(() => unlinkSync(watched.path('a.yaml')))
    await watched.seen(() => writeFileSync(watched.path('a.yaml'), 'two'))
  })

  test('when its folder is removed and made again', async () => {
    await using watched = await scene(['conf/a.yaml'], folder => {
      mkdirSync(join(folder, 'conf'))
      writeFileSync(join(folder, 'conf/a.yaml'), 'one')
    })
    await watched.seen(() => rmSync(watched.path('conf'), { recursive: true }))
    await watched.seen(() => {
      mkdirSync(watched.path('conf'))
      writeFileSync(watched.path('conf/a.yaml'), 'two')
    })
    await watched.seen(() => writeFileSync(watched.path('conf/a.yaml'), 'three'))
  })

  test('when its folder is replaced by a rename', async () => {
    await using watched = await scene(['conf/a.yaml'], folder => {
      for (const name of ['conf', 'next']) {
        mkdirSync(join(folder, name))
        writeFileSync(join(folder, name, 'a.yaml'), name)
      }
    })
    await watched.seen(() => {
      renameSync(watched.path('conf'), watched.path('old'))
      renameSync(watched.path('next'), watched.path('conf'))
    })
    await watched.seen(() => writeFileSync(watched.path('conf/a.yaml'), 'three'))
  })

  test('when a link on the way to it is swapped, as Kubernetes does it', async () => {
    const version = (folder: string, name: string) => {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'a.yaml'), 'same size')
    }
    await using watched = await scene(['a.yaml'], folder => {
      version(folder, '..2024_1')
      symlinkSync('..2024_1', join(folder, '..data'))
      symlinkSync('..data/a.yaml', join(folder, 'a.yaml'))
    })
    for (const [name, before] of [
      ['..2024_2', '..2024_1'],
      ['..2024_3', '..2024_2'],
    ] as const) {
      await watched.seen(() => {
        version(watched.folder.path, name)
        symlinkSync(name, watched.path('..data_tmp'))
        renameSync(watched.path('..data_tmp'), watched.path('..data'))
        rmSync(watched.path(before), { recursive: true })
      })
    }
    await watched.seen(() => writeFileSync(watched.path('..2024_3/a.yaml'), 'in place'))
  })

  test('when it is the target of a link in another folder', async () => {
    await using elsewhere = await temporaryFolder()
    writeFileSync(elsewhere.file('real.yaml'), 'one')
    await using watched = await scene(['a.yaml'], folder =>
      symlinkSync(elsewhere.file('real.yaml'), join(folder, 'a.yaml')),
    )
    await watched.seen(() => writeFileSync(elsewhere.file('real.yaml'), 'two'))
    await watched.seen(() => {
      unlinkSync(watched.path('a.yaml'))
      symlinkSync(elsewhere.file('not-there-yet.yaml'), watched.path('a.yaml'))
    })
    await watched.seen(() => writeFileSync(elsewhere.file('not-there-yet.yaml'), 'three'))
  })

  test('when a folder of configurations gets its first one, and when that goes', async () => {
    await using watched = await scene(['a.yaml', 'conf.d'], folder => {
      write(folder)
      mkdirSync(join(folder, 'conf.d'))
    })
    await watched.seen(() => writeFileSync(watched.path('conf.d/extra.yaml'), 'one'))
    await watched.seen(() => writeFileSync(watched.path('conf.d/extra.yaml'), 'two'))
    await watched.seen(() => unlinkSync(watched.path('conf.d/extra.yaml')))
  })

  test('when a folder of configurations gets a folder', async () => {
    await using watched = await scene(['conf.d'], folder => mkdirSync(join(folder, 'conf.d')))
    await watched.seen(() => mkdirSync(watched.path('conf.d/more')))
    await watched.seen(() => rmSync(watched.path('conf.d/more'), { recursive: true }))
  })

  test('when what changed before it was watched was perhaps not read', async () => {
    await using watched = await scene(['a.yaml'], write)
    await watched.seen(() => {
      writeFileSync(watched.path('b.yaml'), 'one')
      watched.watch.follow(['a.yaml', 'b.yaml'].map(watched.path), Date.now() - 1000)
    })
  })
})

describe('what is not a change is not seen:', () => {
  /** A change that is told of after all that came before it, so that what was told of until then is known. */
  async function changesBy(watched: Awaited<ReturnType<typeof scene>>, act: () => void): Promise<number> {
    await watched.seen(() => {
      act()
      writeFileSync(watched.path('a.yaml'), `the last ${watched.changes}`)
    })
    return watched.changes
  }

  test('other files, and those that are only read', async () => {
    await using watched = await scene(['a.yaml'], write)
    const rung = watched.changes
    for (let index = 0; index < 20; index++) appendFileSync(watched.path('access.log'), 'line\n')
    mkdtempSync(watched.path('folder-'))
    watched.watch.follow([watched.path('a.yaml')], Date.now())
    expect(watched.changes).toBe(rung)
    expect(await changesBy(watched, () => writeFileSync(watched.path('b.yaml'), 'other'))).toBe(rung + 1)
  })

  test('several writes that belong together are one', async () => {
    await using watched = await scene(['a.yaml'], write)
    const changes = await changesBy(watched, () => {
      for (let index = 0; index < 10; index++) writeFileSync(watched.path('a.yaml'), 'x'.repeat(index))
      unlinkSync(watched.path('a.yaml'))
    })
    expect(changes).toBe(1)
  })

  test('a file with a time to come is seen once', async () => {
    await using watched = await scene(['a.yaml'], write)
    await watched.seen(() => utimesSync(watched.path('a.yaml'), 2 ** 31, 2 ** 31))
    expect(watched.changes).toBe(1)
  })

  test('nothing, once it is closed', async () => {
    await using watched = await scene(['a.yaml'], write)
    await using other = await scene(['a.yaml'], write)
    watched.watch.close()
    writeFileSync(watched.path('a.yaml'), 'two')
    watched.watch.follow([watched.path('b.yaml')], 0)
    await other.seen(() => writeFileSync(other.path('a.yaml'), 'two'))
    expect(watched.changes).toBe(0)
  })
})
