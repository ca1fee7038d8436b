import { describe, expect, it } from 'vitest'
import { createBalancer } from '../../../../engine/upstream/balancers/create.ts'
import { IpHash } from '../../../../engine/upstream/balancers/ip-hash.ts'
import { Ketama } from '../../../../engine/upstream/balancers/ketama.ts'
import { LeastConnections } from '../../../../engine/upstream/balancers/least-connections.ts'
import { LeastTime } from '../../../../engine/upstream/balancers/least-time.ts'
import { Maglev } from '../../../../engine/upstream/balancers/maglev.ts'
import { PeakEwma } from '../../../../engine/upstream/balancers/peak-ewma.ts'
import { PowerOfTwo } from '../../../../engine/upstream/balancers/power-of-two.ts'
import { Random } from '../../../../engine/upstream/balancers/random.ts'
import { RoundRobin } from '../../../../engine/upstream/balancers/round-robin.ts'
import { Scene } from './scene.ts'

describe('a balancer', () => {
  it.each([
    ['round_robin', RoundRobin],
    ['random', Random],
    ['power_of_two', PowerOfTwo],
    ['least_connections', LeastConnections],
    ['least_time', LeastTime],
    ['peak_ewma', PeakEwma],
    ['ip_hash', IpHash],
    ['hash', Ketama],
    ['maglev', Maglev],
  ] as const)('is the one that the configuration names: %s', (name, type) => {
    const { members, loads } = new Scene([1, 2])
    expect(createBalancer(name, 'connections', members, loads)).toBeInstanceOf(type)
  })
})
