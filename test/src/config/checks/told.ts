import { formatPath } from '../../../../src/config/positions.ts'
import { checkReferences } from '../../../../src/config/references.ts'

/** What the checks say of these routes, with two upstreams around them: `routes[0].split split-without-weight`. */
export function told(routes: readonly unknown[], more: Readonly<Record<string, unknown>> = {}): string[] {
  const endpoints = [{ address: '10.0.0.1:3000' }]
  const value = {
    listeners: { web: { address: '127.0.0.1:8080' } },
    upstreams: { api: { endpoints }, canary: { endpoints } },
    routes: [...routes, ...USERS],
    ...more,
  }
  return checkReferences(value).map(({ path, code }) => `${formatPath(path)} ${code}`)
}

/** So that no upstream is without use. */
const USERS = [
  { name: 'api-itself', match: { path: '/__api' }, upstream: 'api' },
  { name: 'canary-itself', match: { path: '/__canary' }, upstream: 'canary' },
]
