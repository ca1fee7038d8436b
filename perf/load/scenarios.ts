/** What is sent through the proxy, by name. The paths are those of the origin in stage/origin.ts. */
import { BROWSER_FIELDS } from '../micro/browser-fields.ts'

export interface Scenario {
  readonly name: string
  readonly summary: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Field lines beside `Host`. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Bytes of content, of the letter x; 0 for none. */
  readonly contentBytes: number
}

const GET = { method: 'GET', path: '/', fields: [], contentBytes: 0 } as const

export const SCENARIOS: readonly Scenario[] = [
  { ...GET, name: 'bare', summary: 'GET with Host alone, 100 bytes come back' },
  { ...GET, name: 'browser', summary: 'GET with 15 field lines, 100 bytes come back', fields: BROWSER_FIELDS },
  { ...GET, name: 'large', summary: 'GET, 16 KiB with a length come back', path: '/large' },
  { ...GET, name: 'upload', summary: 'POST of 16 KiB, 100 bytes come back', method: 'POST', contentBytes: 16 * 1024 },
  { ...GET, name: 'stream', summary: 'GET, 16 chunks of 1 KiB come back, one by one', path: '/stream' },
]

export const SCENARIO_NAMES: readonly string[] = SCENARIOS.map(({ name }) => name)
