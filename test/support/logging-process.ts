/** A process that logs `argv[2]` lines to its stdout and then ends as `argv[3]` says: `exit`, `close` or `end`. */
import { openLog } from '../../src/telemetry/log.ts'

const log = await openLog({ level: 'info', format: 'json', access: { enabled: true, sample: 1 }, workers: 1 })
const lines = Number(process.argv[2])
for (let index = 0; index < lines; index++) log.logger.info({ index }, 'x'.repeat(100))
if (process.argv[3] === 'exit') process.exit(7)
if (process.argv[3] === 'close') {
  await log.close()
  process.stderr.write(`dropped ${log.dropped()}\n`)
  process.exit(0)
}
