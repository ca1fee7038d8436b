import { Command, Option } from 'commander'
import type { ControlConnection } from '../control/client.ts'
import type { InstanceStatus } from '../control/methods.ts'
import { paintFor } from './colours.ts'
import { ask, type InstanceOptions, requireInstance, withInstanceOptions } from './find-instance.ts'
import { withExamples } from './help.ts'
import { renderStatus } from './status-text.ts'

/** `sluice status`: what a running instance is at, as a page for people or as JSON. */

interface StatusOptions extends InstanceOptions {
  readonly json?: boolean
  readonly watch?: boolean
}

const REFRESH_MS = 1000
/** Cursor to the upper left, and nothing left of what was there. */
const CLEAR = '\u001b[H\u001b[2J\u001b[3J'

export function statusCommand(): Command {
  const command = withInstanceOptions(new Command('status'))
    .description('what a running instance is at: workers, listeners, upstreams, requests')
    .addOption(new Option('--json', 'the whole of it as JSON'))
    .addOption(new Option('-w, --watch', 'again every second, until Ctrl-C').conflicts('json'))
    .action(async (options: StatusOptions) => {
      const connection = await requireInstance(options)
      try {
        if (options.watch) await watch(connection)
        else await print(connection, options.json === true)
      } finally {
        connection.close()
      }
    })
  return withExamples(command, ['status', 'status -c /etc/sluice/sluice.yaml --json', 'status -w'])
}

async function print(connection: ControlConnection, asJson: boolean): Promise<void> {
  const status = (await ask(connection, 'status')) as InstanceStatus
  if (asJson) process.stdout.write(`${JSON.stringify(status, null, 2)}\n`)
  else process.stdout.write(renderStatus(status, paintFor(process.stdout)))
}

async function watch(connection: ControlConnection): Promise<void> {
  const paint = paintFor(process.stdout)
  let before: InstanceStatus | null = null
  // Until Ctrl-C, the end of the instance, or that of whoever reads the pages.
  for (;;) {
    const status = (await ask(connection, 'status')) as InstanceStatus
    const page = renderStatus(status, paint, before)
    process.stdout.write(process.stdout.isTTY ? `${CLEAR}${page}` : `${page}\n`)
    if (process.stdout.errored !== null) return
    before = status
    await new Promise(resolve => setTimeout(resolve, REFRESH_MS))
  }
}
