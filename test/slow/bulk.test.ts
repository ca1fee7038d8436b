import { checkBulk } from '../support/bulk-checks.ts'

checkBulk({ sizeMib: 1024, seconds: 20, timeoutMs: 120_000 })
