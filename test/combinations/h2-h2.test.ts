import { describeCombination } from './combination.ts'

describeCombination({ client: 'h2', origin: 'h2' })
