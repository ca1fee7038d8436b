import { describe, expect, it } from 'vitest'
import { Challenges } from '../../../engine/exchange/challenges.ts'
import { type HeadSource, Mirror } from '../../../engine/exchange/mirror.ts'
import type { MirrorCopy } from '../../../engine/exchange/mirror-copy.ts'
import { RequestIds } from '../../../engine/exchange/request-id.ts'
import type { WorkerContext } from '../../../engine/exchange/worker-context.ts'
import { slots } from '../../../engine/http1/llhttp.ts'
import { MIRRORED_TOTAL, MIRRORS_DROPPED } from '../../../engine/shared/state-page.ts'
import type { MirrorSnapshot } from '../../../engine/snapshot.ts'
import { mutedHandle } from '../../../perf/micro/net/muted-handle.ts'
import { ofHead } from '../routing/request-head.ts'
import { Crew } from '../upstream/crew.ts'

/** Nobody asks whose request it is where connections do not begin with that. */
const exchange = {
  connection: { transport: mutedHandle(), tls: null, proxied: null },
  serverName: '',
  alpn: '',
  uniqueId: '',
}

const WRITES: HeadSource = { exchange, writeHead: out => out.text('GET / HTTP/1.1\r\nHost: a\r\n\r\n') }

const FAILS: HeadSource = {
  exchange,
  writeHead() {
    throw new Error('a defect')
  },
}

/** A mirror that nobody listens at, and how it stands with it. */
function mirrored(settings: Partial<MirrorSnapshot>, rolls: readonly number[] = []) {
  const crew = new Crew({
    endpoints: [{ address: { kind: 'unix', path: '/there/is/none' }, name: 'a' }],
    passive: null,
  })
  const faults: string[] = []
  const row = crew.page.rows[0]!
  const worker: WorkerContext = {
    net: { slots, wheel: crew.wheels[0]!, onFault: error => faults.push(String(error)) },
    row,
    shared: { page: crew.page, row },
    requestIds: new RequestIds(),
    challenges: new Challenges(),
    onExchange: null,
  }
  let next = 0
  const roll = () => rolls[next++] ?? 0
  const all: MirrorSnapshot = { upstream: 0, share: 1, concurrencyMax: 10, contentBytesMax: 0, ...settings }
  const mirror = new Mirror(all, crew.upstream, roll)
  return {
    faults,
    copy: (source: HeadSource = WRITES, lines = ['GET / HTTP/1.1', 'Host: a']): MirrorCopy | null =>
      ofHead(lines, request => mirror.copy(worker, request, source)),
    counts: () => ({
      mirrored: row.counters[MIRRORED_TOTAL],
      dropped: row.counters[MIRRORS_DROPPED],
      inFlight: row.inFlight[0],
    }),
  }
}

describe('a mirror', () => {
  it('gets the share of the requests that chance gives it', () => {
    const { copy, counts } = mirrored({ share: 0.3 }, [0, 0.29, 0.3, 0.9])
    const copies = [copy(), copy(), copy(), copy()]
    expect(copies.map(one => one !== null)).toEqual([true, true, false, false])
    expect(counts()).toEqual({ mirrored: 2, dropped: 0, inFlight: 2 })
    for (const one of copies) one?.cancel()
    expect(counts().inFlight).toBe(0)
  })

  it('gets no upgrades', () => {
    const { copy, counts } = mirrored({})
    expect(copy(WRITES, ['GET / HTTP/1.1', 'Host: a', 'Connection: upgrade', 'Upgrade: x'])).toBe(null)
    expect(counts()).toEqual({ mirrored: 0, dropped: 0, inFlight: 0 })
  })

  it('has no more copies under way than it may', () => {
    const { copy, counts } = mirrored({ concurrencyMax: 2 })
    const copies = [copy(), copy(), copy()]
    expect(copies[2]).toBe(null)
    expect(counts()).toEqual({ mirrored: 2, dropped: 1, inFlight: 2 })
    copies[0]?.cancel()
    copies[0]?.cancel()
    const next = copy()
    expect(next).not.toBe(null)
    expect(copy()).toBe(null)
    for (const one of [copies[1], next]) one?.cancel()
    expect(counts()).toEqual({ mirrored: 3, dropped: 2, inFlight: 0 })
  })

  it('costs the request nothing where a defect of ours stops the copy, and leaves nothing behind', () => {
    const { copy, counts, faults } = mirrored({ concurrencyMax: 1 })
    expect(copy(FAILS)).toBe(null)
    expect(faults).toEqual(['Error: a defect'])
    expect(counts().inFlight).toBe(0)
    const next = copy()
    expect(next).not.toBe(null)
    next?.cancel()
  })
})
