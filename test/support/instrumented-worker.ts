/**
 * A worker module for tests: it serves like any worker, tells over a `BroadcastChannel` what it holds, throws where
 * nobody catches after a request for `/crash`, and stands still after one for `/block` until the gate is opened.
 */

import type { ExchangeRecord } from '../../engine/exchange/record.ts'
import { parserCount, slots } from '../../engine/http1/llhttp.ts'
import { ownerData, runWorker, workerIndex } from '../../engine/index.ts'
import { TimerWheel } from '../../engine/net/timer-wheel.ts'
import type { InstrumentedOwnerData, WorkerReport } from './instrumented-proxy.ts'
import { WITHOUT_RECORDS } from './worker-question.ts'

const { channel: channelName, gate, unixListeners } = ownerData() as InstrumentedOwnerData
const wheels = new Set<TimerWheel>()
const { set } = TimerWheel.prototype
TimerWheel.prototype.set = function (timer, milliseconds) {
  wheels.add(this)
  set.call(this, timer, milliseconds)
}

const records: ExchangeRecord[] = []

function count(handles: readonly string[], kind: string): number {
  return handles.filter(name => name === kind).length
}

function report(question: string): WorkerReport {
  const handles = process.getActiveResourcesInfo()
  return {
    question,
    worker: workerIndex(),
    sockets: count(handles, 'TCPSocketWrap') + count(handles, 'PipeWrap') - (unixListeners[workerIndex()] ?? 0),
    parsers: parserCount(),
    slots: slots.taken,
    timers: [...wheels].reduce((sum, wheel) => sum + wheel.hanging, 0),
    records: question.startsWith(WITHOUT_RECORDS) ? [] : records.slice(),
  }
}

function standStill(): void {
  Atomics.wait(gate, 0, 0)
  Atomics.store(gate, 0, 0)
}

const channel = new BroadcastChannel(channelName)
channel.onmessage = ({ data }: { data: string | WorkerReport }) => {
  // The other workers' reports come by here, too.
  if (typeof data === 'string') channel.postMessage(report(data))
}
channel.unref()

/** A record is good for the length of the call only, and its fields may be getters. */
function copyOf(record: ExchangeRecord): ExchangeRecord {
  return {
    startedAtMs: record.startedAtMs,
    method: record.method,
    host: record.host,
    target: record.target,
    status: record.status,
    grpcStatus: record.grpcStatus,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    connectUs: record.connectUs,
    firstByteUs: record.firstByteUs,
    totalUs: record.totalUs,
    endpoint: record.endpoint,
    upstream: record.upstream,
    route: record.route,
    listener: record.listener,
    retries: record.retries,
    requestId: record.requestId,
    protocol: record.protocol,
    client: record.client,
    proxy: record.proxy,
    tlsVersion: record.tlsVersion,
    tlsCipher: record.tlsCipher,
    serverName: record.serverName,
    flag: record.flag,
    error: record.error,
    errorDetail: record.errorDetail,
  }
}

void runWorker({
  onExchange: record => {
    const { target } = record
    records.push(copyOf(record))
    if (target === '/crash') {
      setImmediate(() => {
        throw new Error('a crash that a test asked for')
      })
    }
    if (target === '/block') setImmediate(standStill)
  },
  onFlow: null,
  onStop: null,
})
