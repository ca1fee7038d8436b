import { expect, it } from 'vitest'
import { servesListener } from '../../../engine/threads/messages.ts'
import { testSnapshot } from '../../support/snapshot.ts'

it('a TCP listener is served by every worker, a unix listener by one, and several of them spread', () => {
  const snapshot = testSnapshot({
    listeners: [
      { address: { kind: 'unix', path: '/run/a.sock' } },
      { address: { kind: 'tcp', host: '::', port: 80 } },
      { address: { kind: 'unix', path: '/run/b.sock' } },
      { address: { kind: 'unix', path: '/run/c.sock' } },
    ],
  })
  const workers = [0, 1, 2]
  const served = snapshot.listeners.map((_, listener) =>
    workers.filter(worker => servesListener(snapshot, listener, worker, workers.length)),
  )
  expect(served).toEqual([[0], [0, 1, 2], [2], [0]])
  expect(snapshot.listeners.every((_, listener) => servesListener(snapshot, listener, 0, 1))).toBe(true)
})
