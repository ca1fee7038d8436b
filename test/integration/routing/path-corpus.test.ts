import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PathPolicy } from '../../../engine/snapshot.ts'
import { head } from '../../support/heads.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { PATH_CASES, type PathCase } from './path-corpus.ts'

const POLICIES = [...new Map(PATH_CASES.map(({ policy }) => [JSON.stringify(policy), policy])).values()]
const PATHS = [...new Set(PATH_CASES.flatMap(({ path }) => path ?? []))]

let origin: RecordingOrigin
let proxy: TestProxy

/** A listener for each policy, and a route for each path: a response says which route took the request. */
beforeAll(async () => {
  origin = await recordingOrigin()
  proxy = await startTestProxy({
    listeners: POLICIES.map(paths => ({ paths })),
    upstreams: { a: [origin.address] },
    routes: [
      ...PATHS.map(path => ({
        match: { path: { kind: 'exact', path } as const },
        response: { set: [['x-saw', path] as const] },
        to: 'a',
      })),
      { response: { set: [['x-saw', 'something else'] as const] }, to: 'a' },
    ],
  })
})
afterAll(async () => {
  await proxy.stop()
  await origin.close()
})

async function send(target: string, policy: PathPolicy, method = 'GET') {
  origin.forget()
  const listener = POLICIES.findIndex(own => JSON.stringify(own) === JSON.stringify(policy))
  using client = await rawClient(proxy.portOf(listener))
  await client.send(Buffer.from(head(`${method} ${target} HTTP/1.1`, 'Host: b.example'), 'latin1'))
  const { status, fields } = await client.readResponse({ method })
  const got = origin.requests.map(request => request.target)
  return { status, saw: valuesOf(fields, 'x-saw'), got, malformed: origin.malformed }
}

function textOf({ target, policy }: PathCase): string {
  return `${JSON.stringify(target)} (${Object.values(policy).join(', ')})`
}

const TAKEN = PATH_CASES.filter(({ path }) => path !== null)
const REFUSED = PATH_CASES.filter(({ path }) => path === null)

describe('what the matcher saw', () => {
  it.each(TAKEN.map(row => [textOf(row), row] as const))('is what the origin got: %s', async (_, row) => {
    const { status, saw, got, malformed } = await send(row.target, row.policy)
    expect({ status, saw, got, malformed }).toEqual({
      status: 200,
      saw: [row.path],
      got: [row.upstream],
      malformed: [],
    })
    expect(got[0]?.replace(/\?.*$/, '')).toBe(row.path)
  })

  it('is / where the origin gets the * of OPTIONS', async () => {
    const [policy] = POLICIES as [PathPolicy]
    expect(await send('*', policy, 'OPTIONS')).toMatchObject({ status: 200, saw: ['/'], got: ['*'] })
  })
})

describe('a path that is refused', () => {
  it.each(REFUSED.map(row => [textOf(row), row] as const))('is seen by nobody: %s', async (_, row) => {
    const { status, got, malformed } = await send(row.target, row.policy)
    expect({ status, got, malformed }).toEqual({ status: 400, got: [], malformed: [] })
  })
})
