import { expect, it } from 'vitest'
import { formatAddress } from '../../../engine/net/address.ts'
import type { Address } from '../../../engine/snapshot.ts'

it.each<[Address, string]>([
  [{ kind: 'tcp', host: '127.0.0.1', port: 80 }, '127.0.0.1:80'],
  [{ kind: 'tcp', host: '::1', port: 8080 }, '[::1]:8080'],
  [{ kind: 'tcp', host: '::', port: 0 }, '[::]:0'],
  [{ kind: 'tcp', host: 'origin.internal', port: 3000 }, 'origin.internal:3000'],
  [{ kind: 'unix', path: '/run/x.sock' }, 'unix:/run/x.sock'],
])('%j is written as %s', (address, text) => {
  expect(formatAddress(address)).toBe(text)
})
