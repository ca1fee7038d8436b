/** The endpoint of a client's address. */
import { IpHash } from '../../../../engine/upstream/balancers/ip-hash.ts'
import { runIfMain } from '../../harness.ts'
import { benchKeys, membersOf } from './balanced.ts'
import { ipv4, ipv6 } from './keys.ts'

benchKeys('10 endpoints, IPv4', new IpHash(membersOf(10)), ipv4)
benchKeys('10 endpoints, IPv6', new IpHash(membersOf(10)), ipv6)
benchKeys('1,000 endpoints, IPv4', new IpHash(membersOf(1000)), ipv4)
benchKeys('1,000 endpoints, IPv6', new IpHash(membersOf(1000)), ipv6)

await runIfMain(import.meta)
