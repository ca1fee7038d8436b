/** The endpoint of a key, by Maglev's table, with bounded loads. */
import { Maglev } from '../../../../engine/upstream/balancers/maglev.ts'
import { bench, runIfMain } from '../../harness.ts'
import { benchKeys, busyLoads, membersOf } from './balanced.ts'
import { cookies, ipv4, paths } from './keys.ts'

function pick(name: string, count: number, workers: number, keys: readonly string[]): void {
  const members = membersOf(count)
  benchKeys(name, new Maglev(members, busyLoads(members, workers).loads), keys)
}

pick('10 endpoints, 2 workers, addresses', 10, 2, ipv4)
pick('10 endpoints, 8 workers, cookies of 32 bytes', 10, 8, cookies)
pick('1,000 endpoints, 2 workers, cookies of 32 bytes', 1000, 2, cookies)
pick('1,000 endpoints, 8 workers, cookies of 32 bytes', 1000, 8, cookies)
pick('1,000 endpoints, 8 workers, paths of 50 bytes', 1000, 8, paths)

const thousand = membersOf(1000)
const { loads } = busyLoads(thousand, 8)
bench('table of 1,000 endpoints made', () => new Maglev(thousand, loads))

await runIfMain(import.meta)
