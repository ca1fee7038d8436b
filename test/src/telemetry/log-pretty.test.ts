import { expect, test } from 'vitest'
import { accessLine } from '../../../src/telemetry/access-line.ts'
import { flowLine } from '../../../src/telemetry/flow-line.ts'
import { openPretty } from '../../../src/telemetry/log-pretty.ts'
import { exchangeRecord } from '../../support/exchange-records.ts'
import { flowRecord } from '../../support/flow-records.ts'

const pretty = openPretty(false)

/** Without the time of day, which is that of the place. */
function textOf(line: string): string {
  return pretty(line).replace(/^\[[^\]]*\] /, '')
}

test('an exchange is one line of text', () => {
  expect(textOf(accessLine(exchangeRecord()))).toBe(
    'INFO: GET api.example.com/v1/users/42?fields=name  200  1.2 ms  api 10.0.0.1:3000\n',
  )
})

test('a flow is one line of text, with what went wrong', () => {
  expect(textOf(flowLine(flowRecord()))).toBe(
    'INFO: tcp postgres  192.0.2.7:51234  120 B in, 340 B out  1.2 ms  pg 10.0.0.20:5432\n',
  )
  const wrong = { flag: 'NR', error: 'no_flow_route', upstream: '', endpoint: '', retries: 2 }
  expect(textOf(flowLine(flowRecord({ protocol: 'udp', ...wrong })))).toBe(
    'INFO: udp postgres  192.0.2.7:51234  120 B in, 340 B out  1.2 ms  2 retries  NR no_flow_route\n',
  )
})

test('says why no connection was opened, whom the client asked for, and who has told of it', () => {
  const failed = { flag: 'UF', error: 'upstream_connect_failed', errorDetail: 'ECONNREFUSED', serverName: 'a.example' }
  expect(textOf(flowLine(flowRecord({ proxy: '10.0.0.1:4000', ...failed })))).toContain(
    '  192.0.2.7:51234 by 10.0.0.1:4000 for a.example  120 B in, 340 B out  1.2 ms  pg 10.0.0.20:5432  UF upstream_connect_failed (ECONNREFUSED)\n',
  )
  expect(textOf(accessLine(exchangeRecord(failed)))).toMatch(/ {2}UF upstream_connect_failed \(ECONNREFUSED\)\n$/)
})

test('what a peer has sent moves no cursor', () => {
  expect(textOf(flowLine(flowRecord({ client: '\u001b[2J' })))).toContain('\\x1b[2J')
})
