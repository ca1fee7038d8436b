import { describe, expect, it } from 'vitest'
import type { Address } from '../../../engine/snapshot.ts'
import type { SocketPlan } from '../../../engine/threads/messages.ts'
import { isOurs, planSockets, withAddresses } from '../../../engine/threads/sockets.ts'
import { type TestListener, testSnapshot } from '../../support/snapshot.ts'

const tcp = (port: number, host = '127.0.0.1'): Address => ({ kind: 'tcp', host, port })
const unix = (path: string): Address => ({ kind: 'unix', path })

let last = 0
const next = () => {
  last += 1
  return { socket: last, limits: new SharedArrayBuffer(0) }
}

/** The sockets of one configuration after the other, by the names of their listeners. */
function sockets(...generations: (readonly (readonly [name: string, address: Address])[])[]) {
  last = 0
  let before: { snapshot: ReturnType<typeof testSnapshot>; sockets: readonly SocketPlan[] } | null = null
  return generations.map(listeners => {
    const written = listeners.map(([name, address]): TestListener => ({ name, address }))
    const snapshot = testSnapshot({ listeners: written })
    const plans = planSockets(snapshot, before, 3, next)
    // The system chooses ports from 50,001 on.
    const bound = plans.map(({ address, socket }) =>
      address.kind === 'tcp' && address.port === 0 ? { ...address, port: 50_000 + socket } : address,
    )
    before = { snapshot, sockets: withAddresses(plans, bound) }
    return Object.fromEntries(listeners.map(([name], index) => [name, before!.sockets[index]!]))
  })
}

describe('the socket of a listener', () => {
  it('is the one that it had, wherever it stands', () => {
    const [first, second] = sockets(
      [
        ['a', tcp(80)],
        ['b', tcp(81)],
      ],
      [
        ['b', tcp(81)],
        ['new', tcp(82)],
        ['a', tcp(80)],
      ],
    )
    expect(second!.a).toEqual(first!.a)
    expect(second!.b).toEqual(first!.b)
    expect(second!.new).toMatchObject({ socket: 3, worker: -1, address: tcp(82) })
  })

  it('is another one at another address, and goes on under another name', () => {
    const [first, second, third] = sockets([['a', tcp(80)]], [['b', tcp(80)]], [['b', tcp(81)]])
    expect(second!.b).toEqual(first!.a)
    expect(third!.b!.socket).not.toBe(first!.a!.socket)
  })

  it('with a port that the system chose is kept under its name only, or by that port', () => {
    const [first, second, third] = sockets(
      [
        ['a', tcp(0)],
        ['b', tcp(0)],
      ],
      [
        ['b', tcp(0)],
        ['c', tcp(0)],
        ['d', tcp(50_001)],
      ],
      [['b', tcp(50_002)]],
    )
    expect(second!.b).toEqual(first!.b)
    expect(second!.c!.address).toEqual(tcp(50_003))
    expect(second!.d).toEqual(first!.a)
    expect(third!.b).toEqual(first!.b)
  })

  it('goes to the listener that has kept the name, where two want it', () => {
    const [first, second] = sockets(
      [['a', tcp(80)]],
      [
        ['thief', tcp(80)],
        ['a', tcp(80)],
      ],
    )
    expect(second!.a).toEqual(first!.a)
  })

  it('on a path stays with its worker', () => {
    const [first, second] = sockets(
      [
        ['a', unix('/a')],
        ['b', unix('/b')],
        ['c', unix('/c')],
      ],
      [
        ['c', unix('/c')],
        ['new', unix('/new')],
        ['b', unix('/b')],
      ],
    )
    expect([first!.a, first!.b, first!.c].map(plan => plan!.worker)).toEqual([0, 1, 2])
    expect([second!.c, second!.new, second!.b].map(plan => plan!.worker)).toEqual([2, 1, 1])
  })

  it('is not asked for of the system where we have the port already, on whatever address', () => {
    const plan = (address: Address, transport: 'tcp' | 'udp' = 'tcp') => ({
      socket: 1,
      transport,
      worker: -1,
      address,
      limits: new SharedArrayBuffer(0),
    })
    const plans = [plan(tcp(80, '::'))]
    expect(isOurs(plan(tcp(80)), plans)).toBe(true)
    expect(isOurs(plan(tcp(81)), plans)).toBe(false)
    expect(isOurs(plan(unix('/a')), plans)).toBe(false)
    expect(isOurs(plan(tcp(80), 'udp'), plans)).toBe(false)
  })
})
