import { describe, expect, test } from 'vitest'
import { ConfigurationError, type Problem } from '../../../src/config/errors.ts'
import type { Configuration } from '../../../src/config/load.ts'
import { Reloader } from '../../../src/control/reloader.ts'
import type { ReloadResult, RunningProxy } from '../../../src/proxy.ts'

const CONFIGURATION = { name: 'test', hash: 'in force' } as Configuration
const WRONG = { file: 'a.yaml', line: 1, column: 1, key: '', message: 'is wrong', hint: '' } as Problem
const NOTHING = { added: [], changed: [], removed: [], kept: [] }

/** A reloader whose reading is answered by hand, over a proxy that takes everything. */
function scene() {
  const reads: PromiseWithResolvers<Configuration>[] = []
  let generation = 1
  let swapping = 0
  let most = 0
  const logged: string[] = []
  const log = (_: unknown, text: string) => logged.push(text)
  const proxy = {
    logger: { info: log, warn: log, error: log },
    get generation() {
      return generation
    },
    configuration: CONFIGURATION,
    async reload(): Promise<ReloadResult> {
      swapping += 1
      most = Math.max(most, swapping)
      await new Promise(resolve => setImmediate(resolve))
      swapping -= 1
      generation += 1
      const parts = { listeners: NOTHING, upstreams: NOTHING, routes: NOTHING }
      return { generation, ...parts, hash: '', warnings: [], needsRestart: [] }
    },
  }
  const reloader = new Reloader(proxy as unknown as RunningProxy, stop => {
    const read = Promise.withResolvers<Configuration>()
    stop.addEventListener('abort', () => read.reject(new Error('given up')))
    reads.push(read)
    return read.promise
  })
  return { reloader, reads, logged, mostAtOnce: () => most }
}

const generationOf = async (result: Promise<ReloadResult>) => (await result).generation

describe('a reload', () => {
  test('that is asked for while one reads is the next one, shared by all who ask meanwhile', async () => {
    const { reloader, reads, mostAtOnce } = scene()
    const first = generationOf(reloader.reload('test'))
    const others = [reloader.reload('test'), reloader.reload('test'), reloader.reload('test')].map(generationOf)
    expect(reads).toHaveLength(1)
    reads[0]?.resolve(CONFIGURATION)
    expect(await first).toBe(2)
    expect(reads).toHaveLength(2)
    reads[1]?.resolve(CONFIGURATION)
    expect(await Promise.all(others)).toEqual([3, 3, 3])
    expect(reads).toHaveLength(2)
    expect(mostAtOnce()).toBe(1)
  })

  test('never runs beside another, whenever it is asked for', async () => {
    const { reloader, reads, mostAtOnce } = scene()
    const results: Promise<ReloadResult>[] = []
    for (let turn = 0; turn < 50; turn++) {
      results.push(reloader.reload('test'))
      if (turn % 3 === 0) await Promise.resolve()
      if (turn % 5 === 0) await new Promise(resolve => setImmediate(resolve))
      for (const read of reads) read.resolve(CONFIGURATION)
    }
    const settled = Promise.all(results)
    const answering = setInterval(() => reads.map(read => read.resolve(CONFIGURATION)), 1)
    await settled
    clearInterval(answering)
    expect(mostAtOnce()).toBe(1)
    expect(reads.length).toBeLessThan(50)
  })

  test('that fails says why, is told as the last one, and does not stand in the way of the next', async () => {
    const { reloader, reads } = scene()
    expect(reloader.last).toBeNull()
    const first = expect(reloader.reload('test')).rejects.toThrow('no such file')
    const second = reloader.reload('test')
    reads[0]?.reject(new Error('no such file'))
    await first
    expect(reloader.last).toMatchObject({ ok: false, message: 'no such file' })
    reads[1]?.resolve(CONFIGURATION)
    expect(await generationOf(second)).toBe(2)
    expect(reloader.last).toMatchObject({ ok: true, message: '' })
  })

  test('of files that seem to have changed is none where they say the same as those in force', async () => {
    const { reloader, reads } = scene()
    const same = reloader.reloadIfChanged('file change')
    reads[0]?.resolve(CONFIGURATION)
    expect(await same).toBeNull()
    expect(reloader.last).toBeNull()
    const other = reloader.reloadIfChanged('file change')
    reads[1]?.resolve({ ...CONFIGURATION, hash: 'other' })
    expect(await other).toMatchObject({ generation: 2 })
  })

  test('that is asked for by name takes place, also where it waits with one for files that seem to have changed', async () => {
    const { reloader, reads } = scene()
    const first = reloader.reloadIfChanged('file change')
    const waiting = [reloader.reloadIfChanged('file change'), reloader.reload('SIGHUP')]
    reads[0]?.resolve(CONFIGURATION)
    expect(await first).toBeNull()
    reads[1]?.resolve(CONFIGURATION)
    expect(await Promise.all(waiting)).toMatchObject([{ generation: 2 }, { generation: 2 }])
  })

  test('of files that were refused is over, and told once, when they are again what they were', async () => {
    const { reloader, reads, logged } = scene()
    for (const hash of ['bad', 'bad', 'worse']) {
      const refused = expect(reloader.reloadIfChanged('file change')).rejects.toThrow('is wrong')
      reads.at(-1)?.reject(new ConfigurationError([WRONG], { origin: { hash, files: [] } }))
      await refused
    }
    expect(logged.filter(line => line.includes('reload refused'))).toHaveLength(2)
    expect(reloader.last).toMatchObject({ ok: false })
    for (let turn = 0; turn < 2; turn++) {
      const same = reloader.reloadIfChanged('file change')
      reads.at(-1)?.resolve(CONFIGURATION)
      expect(await same).toBeNull()
    }
    expect(logged.filter(line => line.includes('again those of the configuration in force'))).toHaveLength(1)
    expect(reloader.last).toMatchObject({ ok: true })
  })

  test('is given up when the instance ends, and none begins any more', async () => {
    const { reloader } = scene()
    const reading = expect(reloader.reload('test')).rejects.toMatchObject({ code: 'stopping' })
    const next = expect(reloader.reload('test')).rejects.toMatchObject({ code: 'stopping' })
    reloader.close()
    await reading
    await next
    await expect(reloader.reload('test')).rejects.toMatchObject({ code: 'stopping' })
  })
})
