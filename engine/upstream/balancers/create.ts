import type { BalanceName, Measure } from '../../snapshot.ts'
import type { MemberLoads } from '../member-loads.ts'
import type { Members } from '../members.ts'
import type { Balancer } from './balancer.ts'
import { IpHash } from './ip-hash.ts'
import { Ketama } from './ketama.ts'
import { LeastConnections } from './least-connections.ts'
import { LeastTime } from './least-time.ts'
import { Maglev } from './maglev.ts'
import { PeakEwma } from './peak-ewma.ts'
import { PowerOfTwo } from './power-of-two.ts'
import { Random } from './random.ts'
import { RoundRobin } from './round-robin.ts'

/** The balancer that the configuration names, for one group of members. */
export function createBalancer(balance: BalanceName, measure: Measure, members: Members, loads: MemberLoads): Balancer {
  switch (balance) {
    case 'round_robin':
      return new RoundRobin(members)
    case 'random':
      return new Random(members)
    case 'power_of_two':
      return new PowerOfTwo(members, loads, measure)
    case 'least_connections':
      return new LeastConnections(members, loads)
    case 'least_time':
      return new LeastTime(members, loads, measure)
    case 'peak_ewma':
      return new PeakEwma(members, loads)
    case 'ip_hash':
      return new IpHash(members)
    case 'hash':
      return new Ketama(members)
    case 'maglev':
      return new Maglev(members, loads)
  }
}
