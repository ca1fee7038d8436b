import { describe, expect, it } from 'vitest'
import { referencesOf, sourcesIn, textOf } from './repository.ts'

/**
 * Which way the doors open: a room, and the rooms (or single files) that it may import from. Its own files always.
 * A new arrow is a decision about the architecture, made here in the open.
 */
const ENGINE_DOORS: Record<string, readonly string[]> = {
  // Plain types: the language between the control plane and the data plane.
  'engine/snapshot.ts': ['engine/snapshot'],
  'engine/snapshot': [],
  'engine/shared': [],
  'engine/net': ['engine/shared', 'engine/snapshot.ts'],
  // What both versions share: a head is the words of HTTP/1.1 with spans, whatever it came as.
  'engine/http': ['engine/net/slots.ts', 'engine/net/byte-buffer.ts', 'engine/shared', 'engine/snapshot.ts'],
  // Codecs know memory, never sockets.
  'engine/http1': [
    'engine/http',
    'engine/net/slots.ts',
    'engine/net/byte-buffer.ts',
    'engine/shared',
    'engine/snapshot.ts',
  ],
  'engine/http2': [
    'engine/http',
    'engine/net/slots.ts',
    'engine/net/byte-buffer.ts',
    'engine/shared',
    'engine/snapshot.ts',
  ],
  // Connections of HTTP/2 and their streams, as both sides of the proxy have them.
  'engine/multiplex': ['engine/http2', 'engine/http', 'engine/net', 'engine/shared', 'engine/snapshot.ts'],
  'engine/routing': ['engine/http', 'engine/shared', 'engine/snapshot.ts'],
  'engine/rewriting': ['engine/routing', 'engine/http', 'engine/shared', 'engine/snapshot.ts'],
  'engine/upstream': [
    'engine/multiplex',
    'engine/http1',
    'engine/http2',
    'engine/http',
    'engine/net',
    'engine/shared',
    'engine/snapshot.ts',
  ],
  'engine/l4': ['engine/upstream', 'engine/net', 'engine/shared', 'engine/snapshot.ts'],
  'engine/exchange': [
    'engine/upstream',
    'engine/rewriting',
    'engine/routing',
    'engine/multiplex',
    'engine/http1',
    'engine/http2',
    'engine/http',
    'engine/net',
    'engine/shared',
    'engine/snapshot.ts',
  ],
  // What would become of a request, by the code that decides it for real ones.
  'engine/explain': [
    'engine/exchange',
    'engine/l4',
    'engine/upstream',
    'engine/rewriting',
    'engine/routing',
    'engine/http1',
    'engine/http',
    'engine/net',
    'engine/shared',
    'engine/snapshot.ts',
  ],
  'engine/threads': ['engine'],
  'engine/index.ts': ['engine'],
}

const PRODUCT_DOORS: Record<string, readonly string[]> = {
  'src/config': ['src/certificates', 'engine'],
  // Certificates: read from files, watched, issued. Knows nothing of how a configuration is written.
  'src/certificates': ['engine'],
  'src/telemetry': ['src/config/errors.ts', 'engine'],
  // What a running instance is told from outside: signals, changed files, the control socket.
  'src/control': ['src/certificates', 'src/config', 'src/explain', 'src/telemetry', 'src/proxy.ts', 'engine'],
  'src/explain': ['src/config', 'engine'],
  'src/demo': ['src/config'],
  // A tool of its own: nothing of the proxy that it measures, but for the arithmetic of latency buckets.
  'src/bench': ['engine/shared/histogram.ts'],
  'src/cli': ['src', 'engine'],
  'src/proxy.ts': [
    'src/certificates',
    'src/config',
    'src/control/file-watch.ts',
    'src/telemetry',
    'src/data-plane-thread.ts',
    'engine',
  ],
  'src/data-plane-thread.ts': ['src/telemetry', 'engine'],
  'src/index.ts': ['src/bench', 'src/certificates', 'src/config', 'src/explain', 'src/proxy.ts', 'engine'],
}

const DOORS = { ...ENGINE_DOORS, ...PRODUCT_DOORS }

/** The engine is a library: no back end for logs, no configuration language, no command line comes with it. */
const ENGINE_PACKAGES = ['undici', 're2js', '@fastify/send']

function roomOf(path: string): string | undefined {
  return Object.keys(DOORS).find(room => isWithin(path, room))
}

function isWithin(path: string, room: string): boolean {
  return path === room || path.startsWith(`${room}/`)
}

function wrongArrows(path: string, files: readonly string[]): string[] {
  const room = roomOf(path)
  if (room === undefined) return [`${path} is in no room of the table`]
  const allowed = [room, ...DOORS[room]!]
  return files.filter(file => !allowed.some(door => isWithin(file, door))).map(file => `${path} -> ${file}`)
}

describe('the doors', () => {
  it('open one way: every import goes where the table lets its room go', () => {
    const wrong = sourcesIn(['engine', 'src']).flatMap(path => wrongArrows(path, referencesOf(path).files))
    expect(wrong).toEqual([])
  })

  it('have no cycle between the rooms of the engine', () => {
    const rooms = Object.keys(ENGINE_DOORS).filter(room => room !== 'engine/threads' && room !== 'engine/index.ts')
    const reaches = (from: string, to: string): boolean =>
      DOORS[from]!.some(door => {
        const next = roomOf(door)!
        return next !== from && (next === to || reaches(next, to))
      })
    expect(rooms.filter(room => reaches(room, room))).toEqual([])
  })

  it('let the engine use no package but those of the table, and the product only its dependencies', () => {
    const { dependencies } = JSON.parse(textOf('package.json')) as { dependencies: Record<string, string> }
    const wrong = sourcesIn(['engine', 'src']).flatMap(path => {
      const allowed = path.startsWith('engine/') ? ENGINE_PACKAGES : Object.keys(dependencies)
      return referencesOf(path)
        .packages.filter(name => !name.startsWith('node:') && !allowed.some(own => isWithin(name, own)))
        .map(name => `${path} -> ${name}`)
    })
    expect(wrong).toEqual([])
  })

  it('are seen however they are written', () => {
    const text = `
      import { a } from '../net/a.ts'
      import type {
        B,
      } from '../net/b.ts'
      export * from '../net/c.ts'
      import '../net/d.ts'
      const e = await import('../net/e.ts')
      type F = import('../net/f.ts').F
      const g = new Worker(new URL('../net/g.ts', import.meta.url))
      const h = new URL(import.meta.url.endsWith('.ts') ? '../net/h.ts' : '../net/h.js', import.meta.url)
      import { pino } from 'pino'
      const llhttp = createRequire(import.meta.url)('undici/lib/x.js')
      // import '../net/not-this.ts'
      /** import '../net/nor-this.ts' */
    `
    const { files, packages } = referencesOf('engine/http1/x.ts', text)
    expect(files.toSorted()).toEqual([...'abcdefgh'].map(name => `engine/net/${name}.ts`))
    expect(packages.toSorted()).toEqual(['pino', 'undici/lib/x.js'])
    expect(wrongArrows('engine/http1/x.ts', files).length).toBe(8)
    expect(wrongArrows('engine/net/x.ts', ['src/proxy.ts', 'engine/http/head.ts', 'engine/net/y.ts']).length).toBe(2)
    expect(wrongArrows('engine/attic/x.ts', [])).toEqual(['engine/attic/x.ts is in no room of the table'])
  })
})
