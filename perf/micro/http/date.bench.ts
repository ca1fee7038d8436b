/** The `Date` line of our own answers. */
import { dateLine } from '../../../engine/http/date.ts'
import { bench, runIfMain } from '../harness.ts'

bench('the line of this second', () => dateLine())

await runIfMain(import.meta)
