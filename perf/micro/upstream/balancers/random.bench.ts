/** Any endpoint, by weight. */
import { Random } from '../../../../engine/upstream/balancers/random.ts'
import { runIfMain } from '../../harness.ts'
import { benchPicks, distinct, membersOf } from './balanced.ts'

benchPicks('10 endpoints', new Random(membersOf(10)))
benchPicks('1,000 endpoints', new Random(membersOf(1000)))
benchPicks('1,000 endpoints, each of another weight', new Random(membersOf(1000, distinct)))
benchPicks('10 endpoints, one of them tried in vain', new Random(membersOf(10)), new Uint8Array(10).fill(1, 4, 5))

await runIfMain(import.meta)
