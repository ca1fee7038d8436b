import { expect, it } from 'vitest'
import { workerOf } from '../../../engine/threads/messages.ts'

it('a TCP listener is served by every worker, a unix listener by one, and several of them spread', () => {
  const addresses = [
    { kind: 'unix', path: '/run/a.sock' },
    { kind: 'tcp', host: '::', port: 80 },
    { kind: 'unix', path: '/run/b.sock' },
    { kind: 'unix', path: '/run/c.sock' },
  ] as const
  expect(addresses.map((address, listener) => workerOf(address, listener, 3))).toEqual([0, -1, 2, 0])
  expect(addresses.map((address, listener) => workerOf(address, listener, 1))).toEqual([0, -1, 0, 0])
})
