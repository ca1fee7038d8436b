import { statSync, truncateSync } from 'node:fs'
import type { LoadReport } from '../load/wrk.ts'
import type { Contestant } from './contestant.ts'

/** A line with a time, a request line and a status is not shorter. */
const LINE_BYTES_MIN = 60

/** What a proxy may still have in its buffers at the end. */
const BUFFERED_BYTES_MAX = 1024 * 1024

/** Does the work; throws where the contestant is to log it and has not. Its file begins anew each time. */
export async function withAccessLog(contestant: Contestant, work: () => Promise<LoadReport>): Promise<LoadReport> {
  const { accessLogPath } = contestant
  if (accessLogPath === null) return work()
  truncateSync(accessLogPath, 0)
  const report = await work()
  // Not its size: who does not append goes on where it was, behind a hole.
  const writtenBytes = statSync(accessLogPath).blocks * 512
  if (writtenBytes + BUFFERED_BYTES_MAX < report.units * LINE_BYTES_MIN) {
    throw new Error(`${writtenBytes} bytes of access log for ${report.units} requests`)
  }
  return report
}
