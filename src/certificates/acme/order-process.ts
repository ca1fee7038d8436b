/** The process that `order-apart.ts` starts: orders one certificate, says what came of it, ends. */
import { once } from 'node:events'
import { AcmeError } from './acme-error.ts'
import type { FromOrder, ToOrder } from './order-apart.ts'

// Nobody waits for the outcome any more.
process.on('disconnect', () => process.exit())
// The signals of a terminal go to all processes in it; when the proxy ends is for the proxy to say.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

const tell = (message: FromOrder): void => void process.send?.(message)

process.once('message', (message: ToOrder) => {
  if (message.kind === 'order') void order(message)
})

async function order({ settings, pollMs }: Extract<ToOrder, { kind: 'order' }>): Promise<void> {
  try {
    // Not before the lines above hold.
    const { orderCertificate } = await import('./order.ts')
    const certificate = await orderCertificate(settings, {
      pollMs,
      present: async challenges => {
        const presented = once(process, 'message')
        tell({ kind: 'present', challenges })
        await presented
      },
    })
    tell({ kind: 'issued', certificate })
  } catch (error) {
    const { message, retryAfterMs } = AcmeError.of(error, error instanceof AcmeError ? error.retryAfterMs : 0)
    tell({ kind: 'failed', message, retryAfterMs })
  }
}
