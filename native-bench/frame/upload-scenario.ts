import type { Station } from '../load/station.ts'
import { type LoadReport, Wrk } from '../load/wrk.ts'
import { receiptContent } from '../origins/answering.ts'
import { GET, type HttpRequest, verifyContent } from './http-request.ts'
import type { Scenario } from './scenario.ts'
import { CONNECTIONS } from './scenario.ts'
import { stationScenario } from './station-scenario.ts'

export interface UploadScenarioOptions {
  readonly name: string
  readonly title: string
  readonly contentBytes: number
}

/** POST of so many bytes, which the origin has read to the last one when it answers. */
export function uploadScenario({ name, title, contentBytes }: UploadScenarioOptions): Scenario {
  const request: HttpRequest = { ...GET, method: 'POST', path: '/upload', contentBytes }
  const receipt = receiptContent(contentBytes)
  return stationScenario({
    name,
    title,
    summary: `POST of ${contentBytes / 1024} KiB with a length; the origin reads all of it, then answers with 100 bytes.`,
    unit: 'request',
    work: { kind: 'http', request, answerBytes: receipt.length, closes: false },
    verify: contestant => verifyContent(request, contestant.port, receipt),
    saturate: (stage, station) => {
      const wrk = new Wrk(request, CONNECTIONS, stage)
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
