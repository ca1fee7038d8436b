import { expect } from 'vitest'
import { Bell } from '../../support/bell.ts'
import { type EchoProcess, startEcho } from '../../support/echo-process.ts'
import { startProxyInProcess } from '../../support/proxy-in-process.ts'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import { ShortFlows, tcpFlow, udpFlow } from './short-flows.ts'
import { hearOneMore, TcpTalk, UdpTalk } from './talks.ts'

export interface FlowsUnderReloadOptions {
  /** Flows of TCP, and as many of UDP, that live from before the first reload until behind the last. */
  readonly talks: number
  /** Short flows at once, of TCP; a quarter as many of UDP. */
  readonly short: number
  readonly reloads: number
  readonly everyMs: number
}

/** Configurations that differ from the one before in the settings of listeners, or in the endpoints. */
function configuration(reload: number, echoes: readonly EchoProcess[]): TestProxyOptions {
  const settings = Math.floor(reload / 2)
  const endpoints = Math.floor((reload + 1) / 2)
  const idleMs = 600_000 + settings
  return {
    tcpListeners: [{ timeouts: { idleMs }, limits: { connectionsMax: 9_000 + settings } }],
    udpListeners: [{ idleMs }],
    upstreams: {
      // One of three is always missing, and with it the endpoint of flows that go on.
      echo: {
        endpoints: echoes.filter((_, index) => index !== endpoints % echoes.length).map(({ address }) => address),
        balance: endpoints % 4 < 2 ? 'round_robin' : 'random',
      },
    },
  }
}

/** Flows of TCP and UDP while the proxy is reloaded again and again; none of them may notice. */
export async function flowsUnderReload({ talks, short, reloads, everyMs }: FlowsUnderReloadOptions): Promise<void> {
  const echoes = await Promise.all([startEcho(), startEcho(), startEcho()])
  try {
    await using proxy = await startProxyInProcess({ ...configuration(0, echoes), workers: 2 })
    const [tcpPort, udpPort] = [proxy.portOf(0), proxy.portOf(1)]
    const long = [
      ...(await Promise.all(Array.from({ length: talks }, () => TcpTalk.open(tcpPort)))),
      ...(await Promise.all(Array.from({ length: talks }, () => UdpTalk.open(udpPort)))),
    ]
    await hearOneMore(long)
    const loads = [
      new ShortFlows(() => tcpFlow(tcpPort), short),
      new ShortFlows(() => udpFlow(udpPort), Math.ceil(short / 4)),
    ]
    const clock = new Bell()
    const interval = setInterval(() => clock.ring(), everyMs)
    for (let reload = 1; reload <= reloads; reload += 1) {
      const [report] = await Promise.all([proxy.reload(configuration(reload, echoes)), clock.wait()])
      expect(report.generation).toBe(reload + 1)
    }
    clearInterval(interval)
    // The last of them have all been served by the last generation, too.
    for (const load of loads) await load.more(short * 2)
    for (const load of loads) await load.stop()
    await hearOneMore(long)
    expect(loads.flatMap(({ problems }) => problems)).toEqual([])
    expect(long.map(({ problem }) => problem).filter(problem => problem !== '')).toEqual([])
    for (const talk of long) talk.close()
  } finally {
    for (const echo of echoes) await echo.kill()
  }
}
