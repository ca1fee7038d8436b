import { keyedHash, randomHashKey } from '../../../engine/shared/keyed-hash.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

const key = randomHashKey()
const out = new Int32Array(2)

const nextIpv4 = cycle(Array.from({ length: 64 }, (_, index) => `203.0.${index}.${index * 3}`))
bench('address of IPv4', () => {
  keyedHash(key, nextIpv4(), out)
  return out[0]
})

const nextIpv6 = cycle(
  Array.from({ length: 64 }, (_, index) => `2001:db8:85a3::8a2e:370:${(index + 4096).toString(16)}`),
)
bench('address of IPv6', () => {
  keyedHash(key, nextIpv6(), out)
  return out[0]
})

await runIfMain(import.meta)
