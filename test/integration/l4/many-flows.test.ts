import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EchoProcess, startEcho } from '../../support/echo-process.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { ShortFlows, tcpFlow, udpFlow } from './short-flows.ts'

const CONTENT = Buffer.from('a few bytes')

let echo: EchoProcess
let proxy: InstrumentedProxy

beforeAll(async () => {
  echo = await startEcho()
  proxy = await startInstrumentedProxy({
    tcpListeners: [{}],
    udpListeners: [{ responses: 1 }],
    upstreams: { echo: [echo.address] },
    workers: 2,
  })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await echo.kill()
})

const openDescriptors = () => readdirSync('/proc/self/fd').length

async function expectNothingLeft(descriptors: number) {
  await expect.poll(() => proxy.stats().flows.active).toBe(0)
  await proxy.nothingLeft()
  expect(proxy.stats()).toMatchObject({ connectionsOpen: 0, inFlight: [{ requests: 0 }] })
  await expect.poll(openDescriptors).toBeLessThanOrEqual(descriptors)
}

/** Of this process, whose threads the workers are: what the first flows leave open (thread pools, for one) is no leak. */
async function descriptorsBehind(flow: () => Promise<string>): Promise<number> {
  expect(await flow()).toBe('')
  await proxy.nothingLeft()
  return openDescriptors()
}

it('ten thousand flows of TCP, opened and closed, leave no count, no handle and no timer', async () => {
  const flow = () => tcpFlow(proxy.portOf(0), CONTENT)
  const descriptors = await descriptorsBehind(flow)
  const before = proxy.stats().flows.total
  const flows = new ShortFlows(flow, 100)
  await flows.more(10_000)
  await flows.stop()
  expect(flows.problems).toEqual([])
  expect(proxy.stats().flows.total).toBe(before + flows.ended)
  await expectNothingLeft(descriptors)
})

it('nor do a thousand of UDP', async () => {
  const flow = () => udpFlow(proxy.portOf(1))
  const descriptors = await descriptorsBehind(flow)
  const flows = new ShortFlows(flow, 50)
  await flows.more(1_000)
  await flows.stop()
  expect(flows.problems).toEqual([])
  await expectNothingLeft(descriptors)
})
