/** A client's address read. */
import { readAddress } from '../../../../engine/upstream/balancers/address-bytes.ts'
import { bench, cycle, runIfMain } from '../../harness.ts'
import { ipv4, ipv6 } from './keys.ts'

const bytes = new Uint8Array(16)
const nextIpv4 = cycle(ipv4)
const nextIpv6 = cycle(ipv6)
bench('IPv4', () => readAddress(nextIpv4(), bytes))
bench('IPv6', () => readAddress(nextIpv6(), bytes))

await runIfMain(import.meta)
