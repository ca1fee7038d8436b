import type { Station } from '../load/station.ts'
import { type LoadReport, Wrk } from '../load/wrk.ts'
import { receiptContent } from '../origins/answering.ts'
import { GET, type HttpRequest, verifyContent } from './http-request.ts'
import { CONNECTIONS, PLAIN, type Scenario, type Variant } from './scenario.ts'
import { stationScenario } from './station-scenario.ts'

export interface UploadScenarioOptions {
  readonly name: string
  readonly title: string
  readonly contentBytes: number
  readonly summary?: string
  readonly variant?: Variant
  readonly connections?: number
}

/** POST of so many bytes, which the origin has read to the last one when it answers. */
export function uploadScenario(options: UploadScenarioOptions): Scenario {
  const { name, title, contentBytes, variant = PLAIN, connections = CONNECTIONS } = options
  const request: HttpRequest = { ...GET, method: 'POST', path: '/upload', contentBytes }
  const receipt = receiptContent(contentBytes)
  return stationScenario({
    name,
    title,
    summary:
      options.summary ??
      `POST of ${contentBytes / 1024} KiB with a length; the origin reads all of it, then answers with 100 bytes.`,
    unit: 'request',
    variant,
    connections,
    work: { kind: 'http', request, answerBytes: receipt.length, closes: false },
    verify: contestant => verifyContent(request, contestant.port, receipt),
    saturate: (stage, station) => {
      const wrk = new Wrk(request, connections, stage)
      return (contestant, seconds) => received(station, contentBytes, () => wrk.run(contestant.port, seconds))
    },
  })
}

/** Throws unless the origin has got all that was answered. */
async function received(station: Station, contentBytes: number, work: () => Promise<LoadReport>): Promise<LoadReport> {
  const before = await station.receivedBytes()
  const report = await work()
  const bytes = (await station.receivedBytes()) - before
  if (bytes >= report.units * contentBytes) return report
  throw new Error(`the origin has got ${bytes} bytes of ${report.units} uploads of ${contentBytes} bytes`)
}
