/** The hash that Maglev's table goes by. */
import { hashOf } from '../../../../engine/upstream/balancers/key-hash.ts'
import { bench, cycle, runIfMain } from '../../harness.ts'
import { cookies, ipv4 } from './keys.ts'

const nextCookie = cycle(cookies)
const nextAddress = cycle(ipv4)
bench('cookie of 32 bytes', () => hashOf(nextCookie(), 0))
bench('address', () => hashOf(nextAddress(), 0))

await runIfMain(import.meta)
