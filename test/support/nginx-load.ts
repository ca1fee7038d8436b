import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { startInstrumentedProxy } from './instrumented-proxy.ts'
import { nginxOrigin } from './nginx-origin.ts'
import { type WrkReport, wrk } from './wrk.ts'

const CONNECTIONS = 64

export interface Load {
  readonly seconds: number
  /** `/small` is 100 bytes, `/large` 100,000. */
  readonly path: '/small' | '/large'
  readonly fields?: readonly string[]
  readonly pipelining?: number
}

/** Loads a proxy of one worker before nginx, and expects that all goes well and nothing stays behind. */
export async function expectCleanLoad({ seconds, path, fields = [], pipelining = 1 }: Load): Promise<WrkReport> {
  await using nginx = await nginxOrigin({ large: randomBytes(100_000) })
  await using proxy = await startInstrumentedProxy({
    upstreams: { nginx: { endpoints: [nginx.address], pool: { pipelining, idleTimeoutMs: 500 } } },
  })
  const report = await wrk(`http://127.0.0.1:${proxy.port}${path}`, { connections: CONNECTIONS, seconds, fields })
  expect(report).toMatchObject({ badAnswers: 0, socketErrors: { connect: 0, read: 0, write: 0, timeout: 0 } })
  await proxy.nothingLeft(10_000)
  const [unanswered = 0, ...classes] = proxy.stats().statusClasses
  // What wrk had asked for when its time was over.
  expect(unanswered).toBeLessThanOrEqual(CONNECTIONS)
  expect(classes.map((count, index) => (index === 1 ? 0 : count))).toEqual([0, 0, 0, 0, 0])
  expect(classes[1]).toBeGreaterThanOrEqual(report.requests)
  expect(nginx.errors).toBe('')
  return report
}
