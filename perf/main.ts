/** `npm run perf -- COMMAND`: did we get slower, and where. See README.md beside this file. */
import { runCommandLine } from './command-line.ts'
import { describeFailure } from './failure.ts'

runCommandLine(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(describeFailure(error))
    process.exit(1)
  },
)
