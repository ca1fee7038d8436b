import { checkBothWays } from '../integration/l4/bulk-both-ways.ts'

checkBothWays({ sizeMib: 1024, seconds: 20, timeoutMs: 120_000 })
