/** The endpoint of a key, by the ring. */
import { Ketama } from '../../../../engine/upstream/balancers/ketama.ts'
import { bench, runIfMain } from '../../harness.ts'
import { benchKeys, membersOf } from './balanced.ts'
import { cookies, ipv4, paths } from './keys.ts'

benchKeys('10 endpoints, addresses', new Ketama(membersOf(10)), ipv4)
benchKeys('10 endpoints, cookies of 32 bytes', new Ketama(membersOf(10)), cookies)
benchKeys('1,000 endpoints, cookies of 32 bytes', new Ketama(membersOf(1000)), cookies)
benchKeys('1,000 endpoints, paths of 50 bytes', new Ketama(membersOf(1000)), paths)

const thousand = membersOf(1000)
bench('ring of 1,000 endpoints made', () => new Ketama(thousand))

await runIfMain(import.meta)
