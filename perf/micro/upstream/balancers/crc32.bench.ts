/** The checksum that the ring goes by. */
import { CRC32_START, crc32End, crc32Text } from '../../../../engine/upstream/balancers/crc32.ts'
import { bench, cycle, runIfMain } from '../../harness.ts'
import { cookies, ipv4 } from './keys.ts'

const nextCookie = cycle(cookies)
const nextAddress = cycle(ipv4)
bench('cookie of 32 bytes', () => crc32End(crc32Text(CRC32_START, nextCookie())))
bench('address', () => crc32End(crc32Text(CRC32_START, nextAddress())))

await runIfMain(import.meta)
