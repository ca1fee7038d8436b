import { describeCombination } from './combination.ts'

describeCombination({ client: 'h1', origin: 'h1' })
