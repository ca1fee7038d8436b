/** Identifiers for requests that came without one. */
import { RequestIds } from '../../../engine/exchange/request-id.ts'
import { bench, runIfMain } from '../harness.ts'

const ids = new RequestIds()

// Made and written: a string that is only joined when it is read would cost nothing here, and everything there.
const line = Buffer.alloc(64)
bench('made and written', () => line.latin1Write(ids.next(), 0))

await runIfMain(import.meta)
