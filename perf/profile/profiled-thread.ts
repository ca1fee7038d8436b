/**
 * Loaded by every thread of a proxy that is profiled, before its own module: in a worker of the data plane it takes a
 * profile of that thread from when it is told to until it is told again. The hot path runs there, and a profile of the
 * time in between, unlike one from start to exit (`--cpu-prof`), has neither start nor warm-up in it.
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { BroadcastChannel, threadName } from 'node:worker_threads'
import { type FromProxyProcess, PROFILE_CHANNEL, type ToProxyProcess, WORKER_NAME } from '../stage/proxy-messages.ts'

if (threadName?.startsWith(WORKER_NAME)) waitForOrders()

function waitForOrders(): void {
  const session = new Session()
  session.connect()
  const channel = new BroadcastChannel(PROFILE_CHANNEL)
  const tell = (message: FromProxyProcess) => channel.postMessage(message)
  channel.onmessage = event => {
    const message = (event as { data: ToProxyProcess }).data
    if (message.kind === 'profile_start') {
      start(session, message.intervalUs)
      tell({ kind: 'profiling' })
    } else if (message.kind === 'profile_stop') {
      tell(stop(session, message.path))
    }
  }
  // The worker ends when its own work is done.
  channel.unref()
}

/** A session of the own thread answers before `post` returns. */
function start(session: Session, interval: number): void {
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval })
  session.post('Profiler.start')
}

function stop(session: Session, path: string): FromProxyProcess {
  let answer: FromProxyProcess = { kind: 'failed', message: 'the profiler gave no profile' }
  session.post('Profiler.stop', (error, result) => {
    if (error !== null) {
      answer = { kind: 'failed', message: error.message }
      return
    }
    writeFileSync(path, JSON.stringify(result.profile))
    answer = { kind: 'profiled' }
  })
  return answer
}
