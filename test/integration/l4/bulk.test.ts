import { checkBothWays } from './bulk-both-ways.ts'

checkBothWays({ sizeMib: 32, seconds: 1, timeoutMs: 30_000 })
