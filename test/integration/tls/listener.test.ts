import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type TestProxyOptions, testSnapshot } from '../../support/snapshot.ts'
import { certificateSnapshot, listenerTls, type TestListenerTls } from '../../support/tls.ts'
import { waitFor } from '../../support/wait-for.ts'
import { runEngine, trust, visitor } from './proxies.ts'

const TO_ITSELF = { kind: 'respond', status: 200, fields: [], content: Buffer.from('here') } as const
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

async function proxy(tls: TestListenerTls = {}): Promise<TestProxyOptions> {
  const { leaf } = await trust()
  const certificates = [certificateSnapshot(leaf)]
  return { listeners: [{ tls: listenerTls({ certificates, ...tls }) }], routes: [{ to: TO_ITSELF }] }
}

describe('sessions', () => {
  it('are resumed whichever worker accepts', async () => {
    await using running = await runEngine(await proxy(), { workers: 2 })
    using first = await visitor(running.port)
    await first.ask(GET)
    const ticket = await waitFor(() => first.sessions[0])
    const busy = () => running.engine.workers().filter(({ connectionsOpen }) => connectionsOpen > 0).length
    const open = [first]
    while (busy() < 2 || open.length < 6) {
      const next = await visitor(running.port, { session: ticket })
      expect(next.socket.isSessionReused()).toBe(true)
      expect(await next.ask(GET)).toContain('here')
      open.push(next)
      if (open.length > 60) throw new Error('all connections went to one worker')
    }
    const { handshakes } = running.engine.stats()
    expect(handshakes).toEqual({ total: open.length, resumed: open.length - 1, failed: 0 })
    for (const one of open) one[Symbol.dispose]()
  })

  it('are resumed until their key has gone, and go on with the next', async () => {
    await using running = await runEngine(await proxy(), { workers: 2, ticketRotationMs: 150 })
    using first = await visitor(running.port)
    await first.ask(GET)
    const ticket = await waitFor(() => first.sessions[0])
    for (let resumed = true, tries = 0; resumed; tries += 1) {
      using next = await visitor(running.port, { session: ticket })
      resumed = next.socket.isSessionReused()
      await next.ask(GET)
      if (tries > 5000) throw new Error('the key has never gone')
    }
    using fresh = await visitor(running.port)
    await fresh.ask(GET)
    using again = await visitor(running.port, { session: await waitFor(() => fresh.sessions[0]) })
    expect(again.socket.isSessionReused()).toBe(true)
  })
})

describe('another certificate', () => {
  it('is shown from the reload on, while connections and requests go on', async () => {
    const { authority } = await trust()
    const options = await proxy()
    await using running = await runEngine(options)
    let isOver = false
    let served = 0
    const failures: unknown[] = []
    const load = Array.from({ length: 4 }, async (_, index) => {
      using lasting = await visitor(running.port)
      while (!isOver) {
        // Two stay, two come anew each time.
        using passing = index % 2 === 0 ? null : await visitor(running.port)
        const text = await (passing ?? lasting).ask(GET)
        if (!text.includes('here')) failures.push(text)
        served += 1
      }
      await lasting.ask(GET)
    })
    const running4 = Promise.all(load).catch(error => failures.push(error))
    for (let round = 0; round < 5; round += 1) {
      const next = await authority.issue({ names: ['localhost', `round${round}.example`] })
      const before = served
      await running.engine.reload(testSnapshot(await proxy({ certificates: [certificateSnapshot(next)] })))
      using visit = await visitor(running.port)
      const shown = new X509Certificate(visit.socket.getPeerCertificate().raw)
      expect(shown.raw.equals(new X509Certificate(next.chain).raw)).toBe(true)
      expect(await visit.ask(GET)).toContain('here')
      await waitFor(() => served > before + 8)
    }
    isOver = true
    await running4
    expect(failures).toEqual([])
    expect(running.events.filter(({ kind }) => kind === 'handshakes_failed')).toEqual([])
  })

  it('that cannot be used is refused, with the listener and the reason, and the one before stays', async () => {
    const { leaf } = await trust()
    await using running = await runEngine(await proxy())
    const bad = certificateSnapshot({ chain: leaf.chain, key: leaf.key.replaceAll(/[a-y]/g, 'z') })
    const reload = running.engine.reload(testSnapshot(await proxy({ certificates: [bad] })))
    await expect(reload).rejects.toThrow(/listener0: its certificates or keys cannot be used: .+/)
    using visit = await visitor(running.port)
    expect(await visit.ask(GET)).toContain('here')
    expect(running.engine.generation).toBe(1)
  })

  it('at the start that cannot be used is told as the start fails', async () => {
    const bad = certificateSnapshot({ chain: 'nonsense', key: 'nonsense' })
    const start = runEngine(await proxy({ certificates: [bad] }))
    await expect(start).rejects.toThrow(/listener0: its certificates or keys cannot be used/)
  })

  it('may come to a listener that had none, and go again', async () => {
    const plain = { routes: [{ to: TO_ITSELF }] }
    await using running = await runEngine(plain)
    const snapshot = testSnapshot(await proxy())
    await running.engine.reload(snapshot)
    using visit = await visitor(running.port)
    expect(await visit.ask(GET)).toContain('here')
    await running.engine.reload(testSnapshot(plain))
    expect((await fetch(`http://127.0.0.1:${running.port}/`)).status).toBe(200)
    expect(await visit.ask(GET)).toContain('here')
  })
})

describe('handshakes that fail', () => {
  it('are counted, and told of once for a while', async () => {
    await using running = await runEngine(await proxy({ strictNames: true }))
    for (let index = 0; index < 5; index += 1) {
      await expect(visitor(running.port, { servername: 'unknown.example' })).rejects.toThrow(/unrecognized name/i)
    }
    const told = running.events.filter(({ kind }) => kind === 'handshakes_failed')
    expect(told).toEqual([
      {
        kind: 'handshakes_failed',
        worker: 0,
        listener: 'listener0',
        count: 1,
        client: '127.0.0.1',
        error: 'ERR_TLS_UNRECOGNIZED_NAME',
        detail: 'no certificate is for unknown.example',
      },
    ])
    await waitFor(() => running.engine.stats().handshakes.failed === 5)
    expect(running.engine.stats().connectionsOpen).toBe(0)
  })
})
