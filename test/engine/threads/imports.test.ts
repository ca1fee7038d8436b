import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../../engine/snapshot.ts'
import { testSnapshot } from '../../support/snapshot.ts'
import type { Imported } from './frugal-engine.ts'

/** What an engine imports in a process of its own, in the supervisor's thread and in a worker's. */
async function importedFor(snapshot: Snapshot): Promise<{ supervisor: Imported; worker: Imported }> {
  const child = fork(fileURLToPath(new URL('./frugal-engine.ts', import.meta.url)), {
    execArgv: [],
    serialization: 'advanced',
  })
  child.send(snapshot)
  const exited = once(child, 'exit')
  const [told] = (await once(child, 'message')) as [{ supervisor: Imported; worker: Imported }]
  await exited
  return told
}

const address = { kind: 'tcp', host: '127.0.0.1', port: 1 } as const

/** Each is memory that those need not pay who have no use for it. */
const DEAR = ['http', 'crypto', 'tls', 'http2', 'zlib', 'https', 'fs/promises']

const LOOK_UP = ['engine/upstream/names.ts', 'engine/net/resolver.ts', 'engine/net/name-servers.ts']
const EXPLAIN = ['engine/explain/explain.ts', 'engine/explain/state.ts']
const CHECK = ['engine/threads/health-watch.ts', 'engine/upstream/health/active-check.ts']

describe('an engine without names, checks and cookies of its own', () => {
  it('imports nothing for them, in no thread, and none of the dear modules of Node', async () => {
    const { supervisor, worker } = await importedFor(testSnapshot({ upstreams: { a: [address] } }))
    expect(supervisor.files).toContain('engine/threads/directory.ts')
    expect(worker.files).toContain('engine/exchange/forward.ts')
    for (const { files, builtins } of [supervisor, worker]) {
      expect(files.filter(file => [...LOOK_UP, ...CHECK, ...EXPLAIN].includes(file))).toEqual([])
      expect(builtins.filter(name => DEAR.includes(name))).toEqual([])
    }
  })
})

describe('an engine with names, checks and cookies', () => {
  it('imports what they need in the supervisor alone', async () => {
    const { supervisor, worker } = await importedFor(
      testSnapshot({
        upstreams: {
          a: {
            endpoints: [{ kind: 'tcp', host: 'localhost', port: 1 }],
            active: { type: 'tcp' },
            sticky: {},
          },
        },
      }),
    )
    for (const file of [...LOOK_UP, ...CHECK]) expect(supervisor.files).toContain(file)
    expect(supervisor.builtins).toContain('crypto')
    expect(supervisor.builtins).not.toContain('http')
    expect(worker.files.filter(file => [...LOOK_UP, ...CHECK].includes(file))).toEqual([])
    expect(worker.builtins.filter(name => DEAR.includes(name))).toEqual([])
  })
})

describe('an engine with files', () => {
  const files = {
    root: '/',
    index: [],
    precompressed: [],
    stripPrefix: '',
    cacheControl: '',
    fallback: '',
  }

  it('imports the library for them in the worker alone, and none of the dear modules with it', async () => {
    const isOfLibrary = (file: string) => file.startsWith('node_modules/@fastify/send/')
    const { supervisor, worker } = await importedFor(testSnapshot({ routes: [{ to: { kind: 'files', files } }] }))
    expect(worker.files.some(isOfLibrary)).toBe(true)
    expect(supervisor.files.some(isOfLibrary)).toBe(false)
    expect(worker.builtins.filter(name => DEAR.includes(name))).toEqual([])
    const without = await importedFor(testSnapshot({ upstreams: { a: [address] } }))
    expect(without.worker.files.some(isOfLibrary)).toBe(false)
  })
})
