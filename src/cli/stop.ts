import { Command } from 'commander'
import { formatDuration } from '../config/units.ts'
import type { ControlConnection } from '../control/client.ts'
import type { InstanceStatus, StopAnswer } from '../control/methods.ts'
import { durationOption } from './duration-option.ts'
import { CommandFailure } from './exit-codes.ts'
import { ask, type InstanceOptions, requireInstance, withInstanceOptions } from './find-instance.ts'
import { withExamples } from './help.ts'

/** `sluice stop`: has a running instance end in order, and waits until it has. */

interface StopOptions extends InstanceOptions {
  readonly timeout: number
}

/** Between its last connection and its last breath; what the system needs to take a process off its list. */
const LAST_BREATH_MS = 2000
const LOOK_MS = 20

export function stopCommand(): Command {
  const command = withInstanceOptions(new Command('stop'))
    .description('have a running instance finish what it does, and end')
    .addOption(durationOption('--timeout <TIME>', 'how long to wait for its end', 60_000))
    .action(async (options: StopOptions) => {
      const connection = await requireInstance(options)
      try {
        await stop(connection, options.timeout)
      } finally {
        connection.close()
      }
    })
  return withExamples(command, ['stop', 'stop -c /etc/sluice/sluice.yaml --timeout 5s'])
}

async function stop(connection: ControlConnection, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  const { pid, exchangesActive, graceMs } = (await ask(connection, 'stop')) as StopAnswer
  if (exchangesActive > 0) {
    const grace = graceMs > 0 ? `, at most ${formatDuration(graceMs)}` : ''
    process.stdout.write(`process ${pid} waits for ${count(exchangesActive)}${grace}\n`)
  }
  if (!(await isClosedBy(connection, deadline)))
    throw new CommandFailure(await describeDelay(connection, pid, timeoutMs))
  await processEnd(pid)
  process.stdout.write(`process ${pid} has ended\n`)
}

/** The instance keeps the connection until its end. */
async function isClosedBy(connection: ControlConnection, deadline: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), Math.max(0, deadline - performance.now()))
  })
  const closed = connection.closed.then(() => true)
  return await Promise.race([closed, late]).finally(() => clearTimeout(timer))
}

async function describeDelay(connection: ControlConnection, pid: number, timeoutMs: number): Promise<string> {
  const { stats } = (await ask(connection, 'status')) as InstanceStatus
  const waits = stats.exchangesActive > 0 ? ` and waits for ${count(stats.exchangesActive)}` : ''
  return `process ${pid} has not ended within ${formatDuration(timeoutMs)}: it is stopping${waits}`
}

/** Resolves when the system does not know the process any more; it may be another's to see, or nobody's to bury. */
function processEnd(pid: number): Promise<void> {
  const deadline = performance.now() + LAST_BREATH_MS
  return new Promise(resolve => {
    const look = (): void => {
      if (!isAlive(pid) || performance.now() > deadline) resolve()
      else setTimeout(look, LOOK_MS)
    }
    look()
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function count(exchanges: number): string {
  return `${exchanges} ${exchanges === 1 ? 'exchange' : 'exchanges'}`
}
