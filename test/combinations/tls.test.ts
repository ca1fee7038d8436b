import { describeOverTls } from './combination.ts'

describeOverTls({ client: 'h1', origin: 'h1' })
describeOverTls({ client: 'h2', origin: 'h2' })
