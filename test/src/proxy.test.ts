import { expect, test } from 'vitest'
import { listenerUrl } from '../../src/proxy.ts'

test.each([
  [{ kind: 'tcp', host: '127.0.0.1', port: 80 }, 'http://127.0.0.1:80'],
  [{ kind: 'tcp', host: '::1', port: 80 }, 'http://[::1]:80'],
  [{ kind: 'tcp', host: '::', port: 8080 }, 'http://localhost:8080'],
  [{ kind: 'tcp', host: '0.0.0.0', port: 8080 }, 'http://localhost:8080'],
  [{ kind: 'unix', path: '/run/a.sock' }, 'unix:/run/a.sock'],
] as const)('the listener on %j is reached at %s', (address, url) => {
  expect(listenerUrl({ name: 'web', address })).toBe(url)
})
