import type {
  ActiveCheckSnapshot,
  Address,
  SentProxyProtocol,
  UpstreamTlsSnapshot,
} from '../../../../engine/snapshot.ts'
import { type AttemptEnd, CheckAttempt, SYSTEM_CLOCK } from '../../../../engine/upstream/health/check-attempt.ts'
import { type OpenProbe, planCheck } from '../../../../engine/upstream/health/check-probe.ts'
import type { ScriptedConnection } from '../../../support/scripted-origin.ts'
import { upstreamSnapshot } from '../../../support/snapshot.ts'
import { turns } from '../../../support/turns.ts'

/** Settings with the documented defaults; the timeout is one that no test waits for unless it says so. */
export function checkSettings(changes: Partial<ActiveCheckSnapshot> = {}): ActiveCheckSnapshot {
  const { active } = upstreamSnapshot('checked', { endpoints: [], active: { timeoutMs: 10_000, ...changes } })
  if (active === null) throw new Error('no check')
  return active
}

/** Makes one check of an endpoint called `origin.test` and tells how it ended. */
export function checkOnce(
  open: OpenProbe,
  address: Address,
  changes: Partial<ActiveCheckSnapshot> = {},
  host = 'origin.test',
  tls: UpstreamTlsSnapshot | null = null,
  proxyProtocol: SentProxyProtocol | null = null,
): Promise<AttemptEnd> {
  return new Promise(resolve => {
    const plan = planCheck(checkSettings(changes), address, host, { tls, proxyProtocol })
    new CheckAttempt(open, plan, SYSTEM_CLOCK, resolve)
  })
}

/** Sends the same bytes until the other side has had enough. */
export async function sendForEver(connection: ScriptedConnection, bytes: string): Promise<void> {
  while (connection.open) {
    await connection.send(bytes)
    await turns()
  }
}

/** Connections that this process has, of either side. */
export function openConnections(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap' || name === 'PipeWrap').length
}
