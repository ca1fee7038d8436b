import { describe, expect, it } from 'vitest'
import { stampOf, until } from '../../../engine/shared/clock.ts'
import {
  ADMIN_DOWN,
  ADMIN_DRAINING,
  ADMIN_STATE,
  ADMIN_UP,
  CHECK_STATE,
  CHECK_UNHEALTHY,
  PASSIVE_EJECTED,
  PASSIVE_STATE,
  PASSIVE_UNTIL,
  UP_SINCE,
} from '../../../engine/shared/endpoint-cells.ts'
import { EPOCH, UPSTREAM_CELLS } from '../../../engine/shared/upstream-cells.ts'
import type { Address } from '../../../engine/snapshot.ts'
import type { NewEndpoint } from '../../../engine/threads/api.ts'
import { turns } from '../../support/turns.ts'
import { type HandDirectory, handDirectory } from './hand-directory.ts'

const SERVICE = '_http._tcp.api.test'

function tcp(host: string, port = 80): Address {
  return { kind: 'tcp', host, port }
}

function two(): HandDirectory {
  return handDirectory({ endpoints: [tcp('10.0.0.1'), tcp('10.0.0.2')] })
}

function named(): HandDirectory {
  return handDirectory({ endpoints: [{ address: tcp('api.test'), weight: 3 }] })
}

function served(): HandDirectory {
  return handDirectory({ endpoints: [{ address: { kind: 'srv', service: SERVICE }, priority: 2 }] })
}

const list = ({ directory }: HandDirectory) =>
  directory.placements.map(({ name, weight, priority }) => `${name} w${weight} p${priority}`)

const columnsOf = ({ directory }: HandDirectory) =>
  Object.fromEntries(directory.placements.map(({ name, column }) => [name, column]))

describe('an endpoint that is an address', () => {
  it('is where it is from the start, with the name that the configuration gives it', () => {
    const played = handDirectory({
      endpoints: [
        { address: tcp('10.0.0.1', 81), weight: 5, connectionsMax: 7, backup: true, route: 'r' },
        { address: { kind: 'unix', path: '/run/a.sock' }, name: 'local' },
      ],
    })
    expect(played.directory.placements).toMatchObject([
      { name: '10.0.0.1:81', server: '10.0.0.1:81', weight: 5, connectionsMax: 7, backup: true, route: 'r', column: 0 },
      { name: 'local', host: 'localhost', column: 1, token: 'token of local unix:/run/a.sock' },
    ])
    expect(played.followed.at(-1)).toEqual(played.directory.placements)
    expect(played.events).toEqual([])
  })

  it('begins with its whole weight at the start, and with slow start when it comes later', async () => {
    const played = two()
    expect(played.cell('10.0.0.1:80', UP_SINCE)).toBe(0)
    await played.directory.add({ address: tcp('10.0.0.3') })
    expect(Math.abs(until(stampOf(performance.now()), played.cell('10.0.0.3:80', UP_SINCE)))).toBeLessThan(5_000)
  })

  it('is ill until a check has passed, where checks say so', async () => {
    const played = handDirectory({ endpoints: [tcp('10.0.0.1')], active: { start: 'unhealthy' } })
    await played.directory.add({ address: tcp('10.0.0.2') })
    expect(played.cell('10.0.0.1:80', CHECK_STATE)).toBe(CHECK_UNHEALTHY)
    expect(played.cell('10.0.0.2:80', CHECK_STATE)).toBe(CHECK_UNHEALTHY)
  })
})

describe('an endpoint that is a name', () => {
  it('is nowhere before it resolves, then at each of its addresses, told once', () => {
    const played = named()
    expect(played.directory.placements).toEqual([])
    played.names.host('api.test', '10.0.0.1', '::1')
    expect(list(played)).toEqual(['10.0.0.1:80 w3 p0', '[::1]:80 w3 p0'])
    expect(played.directory.placements[1]).toMatchObject({
      server: 'api.test:80',
      host: 'api.test',
      address: tcp('::1'),
      token: 'token of api.test:80 [::1]:80',
    })
    expect(played.published.at(-1)).toEqual(played.directory.placements)
    expect(played.followed.at(-1)).toEqual(played.directory.placements)
    const about = { kind: 'endpoints_changed', upstream: 'api' }
    expect(played.events).toEqual([{ ...about, added: ['10.0.0.1:80', '[::1]:80'], removed: [] }])
  })

  it('keeps the columns of the addresses that stay, and gives those back that go', async () => {
    const played = handDirectory({ endpoints: [tcp('api.test')] }, 3)
    played.names.host('api.test', '10.0.0.1', '10.0.0.2')
    const before = columnsOf(played)
    played.names.host('api.test', '10.0.0.2', '10.0.0.3')
    expect(columnsOf(played)['10.0.0.2:80']).toBe(before['10.0.0.2:80'])
    expect(columnsOf(played)['10.0.0.3:80']).not.toBe(before['10.0.0.1:80'])
    expect(played.events.at(-1)).toMatchObject({ added: ['10.0.0.3:80'], removed: ['10.0.0.1:80'] })
    await turns()
    played.names.host('api.test', '10.0.0.2', '10.0.0.4')
    expect(columnsOf(played)['10.0.0.4:80']).toBe(before['10.0.0.1:80'])
  })

  it('that fails is told of, and what it had goes on', () => {
    const played = named()
    played.names.host('api.test', '10.0.0.1')
    played.names.fail('api.test')
    expect(list(played)).toEqual(['10.0.0.1:80 w3 p0'])
    expect(played.events.at(-1)).toMatchObject({ kind: 'name_failed', upstream: 'api', name: 'api.test:80' })
  })

  it('with more addresses than there is room has as many as there is, and says so', () => {
    const played = handDirectory({ endpoints: [tcp('api.test')] }, 3)
    played.names.host('api.test', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5')
    expect(played.directory.placements.length).toBe(3)
    expect(played.events.find(({ kind }) => kind === 'name_failed')).toMatchObject({
      error: '2 of its addresses are left out: there is room for 3 endpoints in all',
    })
    played.names.host('api.test', '10.0.0.1')
    expect(played.directory.placements.length).toBe(1)
  })
})

describe('an endpoint that is a service', () => {
  it('has a group for each priority, from its own on, and the weights and ports of the records', () => {
    const played = served()
    played.names.service(
      SERVICE,
      { addresses: ['10.0.0.1'], port: 81, priority: 10, weight: 60 },
      { addresses: ['10.0.0.2', '::1'], port: 82, priority: 10, weight: 0 },
      { addresses: ['10.0.0.3'], port: 83, priority: 40_000, weight: 5 },
    )
    expect(list(played)).toEqual(['10.0.0.1:81 w60 p2', '10.0.0.2:82 w1 p2', '[::1]:82 w1 p2', '10.0.0.3:83 w5 p3'])
  })

  it('is called by the names of its hosts, with the port unless that is 80, as virtual hosts know them', () => {
    const played = served()
    played.names.service(
      SERVICE,
      { addresses: ['10.0.0.1', '::1'], port: 80, host: 'one.test' },
      { addresses: ['10.0.0.2'], port: 81, host: 'two.test' },
    )
    expect(played.directory.placements.map(({ name, host, server }) => [name, host, server])).toEqual([
      ['10.0.0.1:80', 'one.test', SERVICE],
      ['[::1]:80', 'one.test', SERVICE],
      ['10.0.0.2:81', 'two.test:81', SERVICE],
    ])
    const { column } = played.placement('10.0.0.2:81')
    played.names.service(SERVICE, { addresses: ['10.0.0.2'], port: 81, host: 'three.test' })
    expect(played.placement('10.0.0.2:81')).toMatchObject({ column, host: 'three.test:81' })
  })

  it('that lists an address twice has it once, with the first priority', () => {
    const played = served()
    played.names.service(
      SERVICE,
      { addresses: ['10.0.0.1'], port: 81, priority: 1, weight: 2 },
      { addresses: ['10.0.0.1'], port: 81, priority: 2, weight: 9 },
      { addresses: ['10.0.0.1'], port: 82, priority: 2, weight: 9 },
    )
    expect(list(played)).toEqual(['10.0.0.1:81 w2 p2', '10.0.0.1:82 w9 p3'])
  })

  it('moves up when the first priority goes away, in the column that it has', () => {
    const played = served()
    played.names.service(
      SERVICE,
      { addresses: ['10.0.0.1'], port: 1 },
      { addresses: ['10.0.0.2'], port: 1, priority: 9 },
    )
    const { column } = played.placement('10.0.0.2:1')
    played.names.service(SERVICE, { addresses: ['10.0.0.2'], port: 1, priority: 9 })
    expect(list(played)).toEqual(['10.0.0.2:1 w1 p2'])
    expect(played.placement('10.0.0.2:1').column).toBe(column)
  })

  it('that denies itself has nobody', () => {
    const played = served()
    played.names.service(SERVICE, { addresses: ['10.0.0.1'], port: 1 })
    played.names.service(SERVICE)
    expect(played.directory.placements).toEqual([])
  })
})

describe('add', () => {
  it('tells the workers, the watchers of health and the owner, and resolves when the workers know', async () => {
    const played = two()
    played.holds = true
    let isDone = false
    const added = played.directory.add({ address: tcp('10.0.0.3'), weight: 2 }).then(() => {
      isDone = true
    })
    expect(list(played)).toEqual(['10.0.0.1:80 w1 p0', '10.0.0.2:80 w1 p0', '10.0.0.3:80 w2 p0'])
    expect(played.published.at(-1)).toEqual(played.directory.placements)
    expect(played.followed.at(-1)).toEqual(played.directory.placements)
    expect(played.events).toMatchObject([{ added: ['10.0.0.3:80'], removed: [] }])
    await turns()
    expect(isDone).toBe(false)
    played.acknowledge()
    await added
  })

  it('takes a name, which comes in when it is resolved, even as the first name of all', async () => {
    const played = handDirectory({ endpoints: [tcp('10.0.0.1')] }, 8, false)
    await played.directory.add({ address: tcp('api.test', 90), name: 'theirs', weight: 4 })
    expect(played.names.watched).toEqual(['api.test'])
    played.names.host('api.test', '10.0.0.7')
    expect(list(played)).toEqual(['10.0.0.1:80 w1 p0', '10.0.0.7:90 w4 p0'])
    await played.directory.add({ address: { kind: 'srv', service: SERVICE } })
    played.names.service(SERVICE, { addresses: ['10.0.0.8'], port: 8 })
    expect(list(played).at(-1)).toBe('10.0.0.8:8 w1 p0')
  })

  it('and remove of the first name in one go leave nothing, whatever resolves', async () => {
    const played = handDirectory({ endpoints: [] }, 8, false)
    await Promise.all([played.directory.add({ address: tcp('api.test') }), played.directory.remove('api.test:80')])
    expect(played.names.watched).toEqual([])
    expect(played.directory.placements).toEqual([])
    await played.directory.add({ address: tcp('api.test') })
    expect(played.names.watched).toEqual(['api.test'])
  })

  it('refuses what is there already', async () => {
    const played = two()
    await expect(played.directory.add({ address: tcp('10.0.0.2') })).rejects.toThrow(
      new RangeError('the upstream api has an endpoint 10.0.0.2:80 already'),
    )
    await expect(played.directory.add({ address: tcp('10.0.0.9'), name: '10.0.0.1:80' })).rejects.toThrow(RangeError)
    await played.directory.add({ address: tcp('10.0.0.2'), name: 'the same by another name' })
    expect(played.directory.placements.length).toBe(3)
    expect(new Set(played.directory.placements.map(({ column }) => column)).size).toBe(3)
  })

  it('refuses when there is no room, and says so; nothing of it stays', async () => {
    const played = handDirectory({ endpoints: [tcp('10.0.0.1'), tcp('10.0.0.2')] }, 2)
    const add = () => played.directory.add({ address: tcp('10.0.0.3') })
    await expect(add()).rejects.toThrow(
      new RangeError(
        'no room for 10.0.0.3:80: there is room for 2 endpoints in all, those counted that are gone and still busy',
      ),
    )
    expect(played.published).toEqual([])
    expect(played.events).toEqual([])
    await played.directory.remove('10.0.0.1:80')
    await add()
    expect(list(played)).toEqual(['10.0.0.2:80 w1 p0', '10.0.0.3:80 w1 p0'])
  })

  it.each<[NewEndpoint, string]>([
    [{ address: tcp('10.0.0.3'), weight: 0 }, 'weight must be a whole number from 1 to 65535, not 0'],
    [{ address: tcp('10.0.0.3'), weight: 1.5 }, 'weight must be a whole number from 1 to 65535, not 1.5'],
    [{ address: tcp('10.0.0.3'), weight: Number.NaN }, 'weight must be a whole number from 1 to 65535, not NaN'],
    [{ address: tcp('10.0.0.3', 0) }, 'port must be a whole number from 1 to 65535, not 0'],
    [{ address: tcp('10.0.0.3', 70_000) }, 'port must be a whole number from 1 to 65535, not 70000'],
    [{ address: tcp('') }, '"" is neither an IP address nor a name'],
    [{ address: tcp('[::1]') }, '"[::1]" is neither an IP address nor a name: write ::1, without brackets'],
    [{ address: tcp('10.0.0.3:80') }, '"10.0.0.3:80" is neither an IP address nor a name'],
    [{ address: { kind: 'unix', path: 'a.sock' } }, 'the path of a socket must be absolute, not "a.sock"'],
    [{ address: { kind: 'unix', path: `/${'x'.repeat(107)}` } }, 'the path of a socket must be at most 107 bytes'],
    [{ address: { kind: 'srv', service: '' } }, '"" is not the name of a service'],
    [{ address: tcp('10.0.0.3'), name: '' }, 'the name of an endpoint must not be empty'],
    [{ address: tcp('10.0.0.3'), connectionsMax: -1 }, 'connectionsMax must be a whole number from 0 to 1000000'],
    [{ address: tcp('10.0.0.3'), priority: 200 }, 'priority must be a whole number from 0 to 127, not 200'],
  ])('refuses %j', async (endpoint, message) => {
    const played = two()
    const refusal = await played.directory.add(endpoint).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(RangeError)
    expect((refusal as RangeError).message).toContain(message)
    expect(played.directory.placements.length).toBe(2)
    expect(played.names.watched).toEqual([])
  })
})

describe('remove', () => {
  it('takes all addresses of a name, and nobody watches it any more', async () => {
    const played = named()
    played.names.host('api.test', '10.0.0.1', '10.0.0.2')
    await played.directory.remove('api.test:80')
    expect(played.directory.placements).toEqual([])
    expect(played.names.closed).toBe(1)
    expect(played.events.at(-1)).toMatchObject({ added: [], removed: ['10.0.0.1:80', '10.0.0.2:80'] })
  })

  it('refuses a single address of a name: the next look-up would bring it back', async () => {
    const played = named()
    played.names.host('api.test', '10.0.0.1', '10.0.0.2')
    await expect(played.directory.remove('10.0.0.1:80')).rejects.toThrow(
      new RangeError('10.0.0.1:80 is an address of api.test:80: remove api.test:80, or take the address down'),
    )
    expect(played.directory.placements.length).toBe(2)
  })

  it('of a name that is being looked up ends that', async () => {
    const played = named()
    await played.directory.remove('api.test:80')
    played.names.host('api.test', '10.0.0.1')
    expect(played.directory.placements).toEqual([])
  })

  it('gives the column to another only when the workers know, and count nothing in it any more', async () => {
    const played = handDirectory({ endpoints: [tcp('10.0.0.1')] }, 1)
    const { column } = played.placement('10.0.0.1:80')
    played.page.rows[1]!.inFlight[column] = 1
    played.holds = true
    const removed = played.directory.remove('10.0.0.1:80')
    const add = () => played.directory.add({ address: tcp('10.0.0.2') })
    played.page.rows[1]!.inFlight[column] = 0
    await expect(add()).rejects.toThrow('no room')
    played.page.rows[1]!.inFlight[column] = 1
    played.acknowledge()
    await removed
    await expect(add()).rejects.toThrow('no room')
    played.page.rows[1]!.inFlight[column] = 0
    played.holds = false
    await add()
    expect(played.placement('10.0.0.2:80').column).toBe(column)
  })
})

describe('weights', () => {
  it('change for an endpoint, and for all addresses of a name', async () => {
    const played = named()
    played.names.host('api.test', '10.0.0.1', '10.0.0.2')
    await played.directory.setWeight('api.test:80', 9)
    expect(list(played)).toEqual(['10.0.0.1:80 w9 p0', '10.0.0.2:80 w9 p0'])
    expect(played.published.at(-1)).toEqual(played.directory.placements)
    // Nobody has come or gone.
    expect(played.events.length).toBe(1)
  })

  it('of a name hold for addresses that come later, those of one address for that one, even if it goes and comes', async () => {
    const played = named()
    played.names.host('api.test', '10.0.0.1', '10.0.0.2')
    await played.directory.setWeight('10.0.0.1:80', 7)
    played.names.host('api.test', '10.0.0.1', '10.0.0.3')
    expect(list(played)).toEqual(['10.0.0.1:80 w7 p0', '10.0.0.3:80 w3 p0'])
    played.names.host('api.test', '10.0.0.3')
    played.names.host('api.test', '10.0.0.1', '10.0.0.3')
    expect(list(played)).toEqual(['10.0.0.1:80 w7 p0', '10.0.0.3:80 w3 p0'])
    await played.directory.setWeight('api.test:80', 2)
    played.names.host('api.test', '10.0.0.1', '10.0.0.4')
    expect(list(played)).toEqual(['10.0.0.1:80 w2 p0', '10.0.0.4:80 w2 p0'])
  })

  it('of the only address of a name are not those of the next one', async () => {
    const played = named()
    played.names.host('api.test', '10.0.0.1')
    await played.directory.setWeight('10.0.0.1:80', 7)
    await played.directory.down('10.0.0.1:80')
    played.names.host('api.test', '10.0.0.2')
    expect(list(played)).toEqual(['10.0.0.2:80 w3 p0'])
    expect(played.cell('10.0.0.2:80', ADMIN_STATE)).toBe(ADMIN_UP)
  })

  it('of a service outlast its next answer', async () => {
    const played = served()
    const answer = (...weights: number[]) =>
      played.names.service(
        SERVICE,
        ...weights.map((weight, index) => ({ addresses: [`10.0.0.${index}`], port: 1, weight })),
      )
    answer(10, 20)
    await played.directory.setWeight('10.0.0.0:1', 99)
    answer(11, 21, 31)
    expect(list(played)).toEqual(['10.0.0.0:1 w99 p2', '10.0.0.1:1 w21 p2', '10.0.0.2:1 w31 p2'])
    await played.directory.setWeight(SERVICE, 4)
    answer(12, 22)
    expect(list(played)).toEqual(['10.0.0.0:1 w4 p2', '10.0.0.1:1 w4 p2'])
  })

  it.each([0, -1, 1.5, 65_536, Number.NaN, Number.POSITIVE_INFINITY])('of %f are refused', async weight => {
    const played = two()
    await expect(played.directory.setWeight('10.0.0.1:80', weight)).rejects.toThrow(
      new RangeError(`weight must be a whole number from 1 to 65535, not ${weight}`),
    )
    expect(list(played)[0]).toBe('10.0.0.1:80 w1 p0')
  })
})

describe('up, down and drain', () => {
  it('are in the state page at once, and every worker looks again', async () => {
    const played = two()
    const epoch = () => played.page.upstreamCells[UPSTREAM_CELLS + EPOCH]!
    const before = epoch()
    const changes = [
      ['down', ADMIN_DOWN],
      ['drain', ADMIN_DRAINING],
      ['up', ADMIN_UP],
    ] as const
    for (const [index, [change, state]] of changes.entries()) {
      const done = played.directory[change]('10.0.0.2:80')
      expect(played.cell('10.0.0.2:80', ADMIN_STATE)).toBe(state)
      expect(epoch()).toBe(before + index + 1)
      await done
    }
    expect(played.cell('10.0.0.1:80', ADMIN_STATE)).toBe(ADMIN_UP)
    expect(played.directory.endpoints().map(({ state }) => state)).toEqual(['up', 'up'])
  })

  it('bring an endpoint back in slow start, but not one that was up', async () => {
    const played = two()
    await played.directory.up('10.0.0.1:80')
    expect(played.cell('10.0.0.1:80', UP_SINCE)).toBe(0)
    await played.directory.down('10.0.0.1:80')
    await played.directory.up('10.0.0.1:80')
    expect(played.cell('10.0.0.1:80', UP_SINCE)).not.toBe(0)
  })

  it('of a name hold for addresses that come later; of one address for that, even if it goes and comes', async () => {
    const played = named()
    played.names.host('api.test', '10.0.0.1', '10.0.0.2')
    await played.directory.down('10.0.0.1:80')
    const states = () => played.directory.endpoints().map(({ name, state }) => `${name} ${state}`)
    played.names.host('api.test', '10.0.0.2')
    await turns()
    played.names.host('api.test', '10.0.0.1', '10.0.0.2', '10.0.0.3')
    expect(states()).toEqual(['10.0.0.1:80 down', '10.0.0.2:80 up', '10.0.0.3:80 up'])
    await played.directory.down('api.test:80')
    played.names.host('api.test', '10.0.0.1', '10.0.0.4')
    expect(states()).toEqual(['10.0.0.1:80 down', '10.0.0.4:80 down'])
    await played.directory.up('api.test:80')
    played.names.host('api.test', '10.0.0.1', '10.0.0.5')
    expect(states()).toEqual(['10.0.0.1:80 up', '10.0.0.5:80 up'])
  })

  it('of an address that two names have are for both', async () => {
    const played = handDirectory({ endpoints: [tcp('a.test'), tcp('b.test')] })
    played.names.host('a.test', '10.0.0.1')
    played.names.host('b.test', '10.0.0.1', '10.0.0.2')
    await played.directory.down('10.0.0.1:80')
    expect(played.directory.endpoints().map(({ state }) => state)).toEqual(['down', 'down', 'up'])
    await played.directory.setWeight('10.0.0.1:80', 5)
    expect(played.directory.placements.map(({ weight }) => weight)).toEqual([5, 5, 1])
  })

  it('make an ejected endpoint wait no longer that has become the last', async () => {
    const played = two()
    const ejected = (name: string) => {
      played.setCell(name, PASSIVE_STATE, PASSIVE_EJECTED)
      played.setCell(name, PASSIVE_UNTIL, (stampOf(performance.now()) + 60_000) | 0)
    }
    const leftMs = (name: string) => until(played.cell(name, PASSIVE_UNTIL), stampOf(performance.now()))
    ejected('10.0.0.1:80')
    await played.directory.add({ address: tcp('10.0.0.3') })
    await played.directory.down('10.0.0.2:80')
    expect(leftMs('10.0.0.1:80')).toBeGreaterThan(1_000)
    await played.directory.remove('10.0.0.3:80')
    expect(leftMs('10.0.0.1:80')).toBeLessThanOrEqual(0)
  })
})

describe('drain', () => {
  const busy = (played: HandDirectory, name: string, requests: number) => {
    played.page.rows[0]!.inFlight[played.placement(name).column] = requests
  }

  it('resolves when nothing is under way any more, over all workers', async () => {
    const played = two()
    busy(played, '10.0.0.1:80', 1)
    let isDone = false
    const drained = played.directory.drain('10.0.0.1:80').then(() => {
      isDone = true
    })
    await turns(10)
    expect(isDone).toBe(false)
    busy(played, '10.0.0.1:80', 0)
    await drained
    expect(played.directory.endpoints()[0]!.state).toBe('draining')
  })

  it('waits for every worker to know before it looks', async () => {
    const played = two()
    played.holds = true
    let isDone = false
    const drained = played.directory.drain('10.0.0.1:80').then(() => {
      isDone = true
    })
    await turns(10)
    expect(isDone).toBe(false)
    played.acknowledge()
    await drained
  })

  it.each(['up', 'down'] as const)('ends when the endpoint is to be %s instead', async change => {
    const played = two()
    busy(played, '10.0.0.1:80', 1)
    const drained = played.directory.drain('10.0.0.1:80')
    await played.directory[change]('10.0.0.1:80')
    await drained
  })

  it('ends after the time that it was given, and with the engine', async () => {
    const played = two()
    busy(played, '10.0.0.1:80', 1)
    await played.directory.drain('10.0.0.1:80', 1)
    await played.directory.drain('10.0.0.1:80', 0)
    const drained = played.directory.drain('10.0.0.1:80')
    played.directory.close()
    await drained
  })
})

describe('what cannot be', () => {
  it('names an endpoint that there is not, with those that there are', async () => {
    const played = named()
    played.names.host('api.test', '10.0.0.1')
    const { directory } = played
    const message = 'the upstream api has no endpoint 10.9.9.9:80; it has api.test:80'
    const changes = [
      directory.remove('10.9.9.9:80'),
      directory.up('10.9.9.9:80'),
      directory.down('10.9.9.9:80'),
      directory.drain('10.9.9.9:80'),
      directory.setWeight('10.9.9.9:80', 1),
    ]
    for (const change of changes) await expect(change).rejects.toThrow(new RangeError(message))
    await directory.remove('api.test:80')
    await expect(directory.up('x')).rejects.toThrow('the upstream api has no endpoint x; it has none')
  })

  it('is a change once the engine has stopped; what there was can be looked at', async () => {
    const { directory } = two()
    directory.close()
    const changes = [
      directory.add({ address: tcp('10.0.0.3') }),
      directory.remove('10.0.0.1:80'),
      directory.up('10.0.0.1:80'),
      directory.down('10.0.0.1:80'),
      directory.drain('10.0.0.1:80'),
      directory.setWeight('10.0.0.1:80', 1),
    ]
    for (const change of changes) {
      await expect(change).rejects.toThrow('the proxy has stopped: the upstream api cannot be changed')
    }
    expect(directory.endpoints().length).toBe(2)
  })

  it('is an answer for a name once the engine has stopped', () => {
    const played = named()
    played.directory.close()
    played.names.host('api.test', '10.0.0.1')
    expect(played.directory.placements).toEqual([])
  })
})
