/** A load thread: its part of the connections, of the requests and of what is measured. */
import { parentPort, workerData } from 'node:worker_threads'
import { Load } from './load.ts'
import type { LoadThreadData, ToLoadThread } from './plan.ts'

const port = parentPort
if (port === null) throw new Error('this module runs in a thread of its own')

const load = new Load(workerData as LoadThreadData, message => port.postMessage(message))
port.on('message', (message: ToLoadThread) => {
  if (message.kind === 'go') load.go()
  else load.stop()
})
load.connect()
