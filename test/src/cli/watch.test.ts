import { mkdir, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { answering, type StartedInstance, startInstance } from './instance.ts'

/** `sluice start --watch`. What kinds of changes are seen is the matter of the test of `FileWatch`. */

const ROUTES_OF_API = 'routes: [{ name: api, match: { path: /api }, upstream: api }, '

/** Resolves when it answers `body`, which no other signal than the file's change has asked for. */
async function answers(instance: StartedInstance, body: string): Promise<void> {
  let from = 0
  while ((await instance.text()) !== body) {
    await instance.command.message('reloaded', from)
    from = instance.command.lines().findLastIndex(line => line.msg.includes('reloaded')) + 1
  }
}

describe('sluice start --watch', () => {
  test('takes over what is written in place, and what takes the place by a rename', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') }, '--watch')
    const path = instance.folder.file('sluice.yaml')
    await writeFile(path, answering('two'))
    await answers(instance, 'two')
    for (const body of ['three', 'four']) {
      await writeFile(`${path}.swp`, answering(body))
      await rename(`${path}.swp`, path)
      await answers(instance, body)
    }
  })

  test('goes on watching after a bad file, and after none', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') }, '--watch')
    const path = instance.folder.file('sluice.yaml')
    await writeFile(path, 'listeners: [')
    await instance.command.message('reload refused')
    expect(await instance.text()).toBe('one')
    await writeFile(path, answering('two'))
    await answers(instance, 'two')
    await unlink(path)
    await instance.command.message('there is no such file')
    await writeFile(path, answering('three'))
    await answers(instance, 'three')
  })

  test('says nothing of files that say what they said before', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') }, '--watch')
    const path = instance.folder.file('sluice.yaml')
    for (let turn = 0; turn < 3; turn++) {
      await writeFile(path, answering('one'))
      await utimes(path, turn, turn)
    }
    await writeFile(path, answering('two'))
    await answers(instance, 'two')
    expect(instance.command.lines().filter(line => line.msg.includes('file change'))).toHaveLength(1)
  })

  test('sees what a refused configuration waits for: files that were missing, and those that it would have read', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') }, '--watch')
    const file = (name: string) => instance.folder.file(name)
    await writeFile(file('sluice.yaml'), answering('"${file:secret}"'))
    await instance.command.message('reload refused')
    await writeFile(file('secret'), 'two')
    await answers(instance, 'two')
    const from = instance.command.lines().length
    await writeFile(file('more.yaml'), 'upstreams: {}\n')
    await writeFile(
      file('sluice.yaml'),
      `include: [more.yaml]\n${answering('two').replace('routes: [', ROUTES_OF_API)}`,
    )
    await instance.command.message('reload refused', from)
    await writeFile(file('more.yaml'), 'upstreams: { api: { endpoints: [{ address: 127.0.0.1:1 }] } }\n')
    await instance.command.message('reloaded', from)
  })

  test('sees a configuration that is swapped by a link, as Kubernetes does it', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('unused') }, '--watch', '-c', 'sluice.yaml')
    const file = (name: string) => instance.folder.file(name)
    const version = async (name: string, body: string) => {
      await mkdir(file(name))
      await writeFile(file(`${name}/sluice.yaml`), answering(body))
      await symlink(name, file('..data_tmp'))
      await rename(file('..data_tmp'), file('..data'))
    }
    await version('..2024_1', 'one')
    await symlink('..data/sluice.yaml', file('linked.yaml'))
    await rename(file('linked.yaml'), file('sluice.yaml'))
    await answers(instance, 'one')
    await version('..2024_2', 'two')
    await rm(file('..2024_1'), { recursive: true })
    await answers(instance, 'two')
  })

  test('watches the files that are included, also those that a reload brings', async () => {
    const main = (list: string) =>
      `include: [${list}]\nruntime: { workers: 1 }\nlisteners: { web: { address: 127.0.0.1:0 } }\n`
    const route = (body: string) => `routes: [{ respond: { body: ${body} } }]\n`
    await using instance = await startInstance({ 'sluice.yaml': main('a.yaml'), 'a.yaml': route('one') }, '--watch')
    await writeFile(instance.folder.file('a.yaml'), route('two'))
    await answers(instance, 'two')
    await mkdir(instance.folder.file('more'))
    await writeFile(instance.folder.file('more/b.yaml'), route('three'))
    await writeFile(instance.folder.file('sluice.yaml'), main('more/b.yaml'))
    await answers(instance, 'three')
    await writeFile(instance.folder.file('more/b.yaml'), route('four'))
    await answers(instance, 'four')
  })

  test('watches the folders in which a pattern looks, also new ones', async () => {
    const main =
      'include: ["conf.d/**/*.yaml"]\nruntime: { workers: 1 }\nlisteners: { web: { address: 127.0.0.1:0 } }\n'
    const route = (body: string) => `routes: [{ name: ${body}, respond: { body: ${body} } }]\n`
    await using instance = await startInstance({ 'sluice.yaml': main }, '--watch')
    for (const path of ['conf.d/z/z.yaml', 'conf.d/z/y.yaml', 'conf.d/a/deep/x.yaml']) {
      const name = path.at(-6)!
      await mkdir(dirname(instance.folder.file(path)), { recursive: true })
      await writeFile(instance.folder.file(path), route(name))
      await answers(instance, name)
    }
  })
})
