import { expect } from 'vitest'
import { Bell } from '../../support/bell.ts'
import { Load } from '../../support/load.ts'
import { type OriginProcess, startOrigin } from '../../support/origin-process.ts'
import { type ProxyInProcess, startProxyInProcess } from '../../support/proxy-in-process.ts'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Download, type StreamOrigin, startDownload, streamOrigin, Talk } from './streams.ts'

export interface UnderLoadOptions {
  readonly connections: number
  readonly talks: number
  readonly downloads: number
  /** Reloads, and the pause between two of them. */
  readonly reloads: number
  readonly everyMs: number
  /** Further ones, without a pause. */
  readonly further: number
  /** Called with the number of each reload when it has been made. */
  readonly onReload?: (reload: number, proxy: ProxyInProcess) => Promise<void>
}

/** Configurations that differ from the one before in their routes, in their upstreams, in their limits, in turn. */
function configuration(reload: number, origins: readonly OriginProcess[], streams: StreamOrigin): TestProxyOptions {
  const [routes, upstreams, limits] = [2, 1, 0].map(ahead => Math.floor((reload + ahead) / 3)) as [
    number,
    number,
    number,
  ]
  const endpoints = origins.filter((_, index) => index !== upstreams % origins.length).map(({ address }) => address)
  // What streams run on comes and goes, under two names.
  const streaming = `streams${Math.floor(upstreams / 2) % 2}`
  return {
    listeners: [
      {
        limits: { headBytesMax: 16_384 + (limits % 5) * 1024, fieldLinesMax: 90 + (limits % 7) },
        timeouts: { idleMs: 60_000 + limits },
        trustedProxies: limits % 2 === 0 ? [] : ['127.0.0.0/8'],
      },
    ],
    upstreams: {
      api: {
        endpoints,
        pool: { idleMax: 32 + (upstreams % 3) },
        balance: upstreams % 4 < 2 ? 'round_robin' : 'random',
      },
      [streaming]: [streams.address],
    },
    routes: [
      { name: 'streams', match: { path: { kind: 'prefix', path: '/streams/' } }, to: streaming },
      ...Array.from({ length: 20 + (routes % 10) }, (_, index) => ({
        name: `extra${routes}.${index}`,
        match: { path: { kind: 'prefix', path: `/extra${routes}/${index}/` } as const },
        to: 'api',
      })),
      { name: 'all', to: 'api' },
    ],
  }
}

/** Load, WebSockets and downloads while the proxy is reloaded again and again; none of them may notice. */
export async function reloadUnderLoad(options: UnderLoadOptions): Promise<void> {
  await using streams = await streamOrigin()
  const origins = await Promise.all(['a', 'b', 'c'].map(name => startOrigin(name)))
  try {
    await using proxy = await startProxyInProcess({ ...configuration(0, origins, streams), workers: 2 })
    const { port } = proxy
    const next = (reload: number) => proxy.reload(configuration(reload, origins, streams))
    const talks = await Promise.all(Array.from({ length: options.talks }, () => Talk.open(port)))
    const downloads = await Promise.all(Array.from({ length: options.downloads }, () => startDownload(port)))
    using load = new Load({ port, connections: options.connections })
    let reload = 0
    const reloadOnce = async () => {
      reload += 1
      expect((await next(reload)).generation).toBe(reload + 1)
      await options.onReload?.(reload, proxy)
    }
    const clock = new Bell()
    const interval = setInterval(() => clock.ring(), options.everyMs)
    while (reload < options.reloads) await Promise.all([reloadOnce(), clock.wait()])
    clearInterval(interval)
    for (let further = 0; further < options.further; further += 1) await reloadOnce()
    // The last of it has all been served by the last generation, too.
    await load.next(options.connections * 2)
    const total = await load.stop()
    expect(total.failures).toEqual([])
    expect(total.ended).toBeGreaterThan(options.connections * 10)
    await expectWhole(streams, talks, downloads)
    const stats = await proxy.stats()
    expect(stats.statusClasses.slice(3)).toEqual([0, 0, 0])
    expect(stats.retries).toBe(0)
  } finally {
    for (const origin of origins) await origin[Symbol.asyncDispose]()
  }
}

async function expectWhole(streams: StreamOrigin, talks: readonly Talk[], downloads: readonly Download[]) {
  const heard = talks.map(talk => talk.heard)
  await waitFor(() => talks.every((talk, index) => talk.heard > heard[index]!), 'every WebSocket to hear one more')
  for (const talk of talks) await talk.close()
  expect(talks.map(({ problem }) => problem).filter(problem => problem !== '')).toEqual([])
  const bytes = downloads.map(download => download.bytes)
  await waitFor(() => downloads.every((download, index) => download.bytes > bytes[index]!), 'every download to go on')
  streams.finish()
  const ended = await Promise.all(downloads.map(download => download.ended))
  expect(ended.filter(problem => problem !== '')).toEqual([])
}
