import { checkBulk } from '../support/bulk-checks.ts'

checkBulk({ sizeMib: 128, seconds: 2, timeoutMs: 60_000 })
