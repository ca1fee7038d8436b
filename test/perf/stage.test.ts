import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseCoreList } from '../../native-bench/frame/cores.ts'
import { BROWSER_FIELDS } from '../../perf/micro/browser-fields.ts'
import { callTree, parseProfile } from '../../perf/profile/cpu-profile.ts'
import { cpuTimeOf, cpuTimeOfThread, threadsNamed } from '../../perf/stage/accounting.ts'
import { startOrigin } from '../../perf/stage/origin.ts'
import { ProxyProcess } from '../../perf/stage/proxy.ts'
import { WORKER_NAME } from '../../perf/stage/proxy-messages.ts'
import { entryOf, ROOT } from '../../perf/tree.ts'
import { commandPath } from '../../scripts/system-packages.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PRELOAD = fileURLToPath(new URL('../../perf/profile/profiled-thread.ts', import.meta.url))

function allowedCores(pid: number): string {
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''
}

describe('what is to be undone', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is undone when %s ends the process', async signal => {
    const module = fileURLToPath(new URL('../../native-bench/frame/clean-up.ts', import.meta.url))
    const program = `import { atEnd } from ${JSON.stringify(module)}
      atEnd(() => console.log('undone')); setInterval(() => {}, 1000); console.log('ready')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const closed = once(child, 'close')
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
      if (output === 'ready\n') child.kill(signal)
    })
    await closed
    expect(output).toBe('ready\nundone\n')
  })
})

describe('a measured proxy', () => {
  it('passes on what the scenarios send, counts it, and tells where its worker spends its time', async () => {
    await using folder = await temporaryFolder()
    await using origin = await startOrigin()
    const settings = { originPort: origin.port, accessLog: false, pipelining: 1 }
    await using proxy = await ProxyProcess.start({
      entry: entryOf(ROOT, 'sources'),
      settings,
      core: null,
      preload: PRELOAD,
    })
    await proxy.ask({ kind: 'profile_start', intervalUs: 100 }, 'profiling')
    const get = async (path: string): Promise<number> => (await (await fetch(proxy.url + path)).text()).length
    expect(await get('/')).toBe(100)
    expect(await get('/large')).toBe(16 * 1024)
    expect(await get('/stream')).toBe(16 * 1024)
    const headers = Object.fromEntries(BROWSER_FIELDS.filter(([name]) => name !== 'Connection'))
    const upload = await fetch(proxy.url, { method: 'POST', headers, body: 'x'.repeat(100_000) })
    expect((await upload.text()).length).toBe(100)
    expect(await proxy.exchanges()).toBe(4)

    const path = folder.file('worker.cpuprofile')
    await proxy.ask({ kind: 'profile_stop', path }, 'profiled')
    const tree = callTree(parseProfile(readFileSync(path, 'utf8')), ROOT)
    expect(tree.frame.name).toBe('(root)')
    expect(tree.totalUs).toBeGreaterThan(0)

    const [thread, ...others] = threadsNamed(proxy.pid, WORKER_NAME)
    expect(others).toEqual([])
    expect(cpuTimeOfThread(proxy.pid, thread!).userUs).toBeLessThanOrEqual(cpuTimeOf(proxy.pid).userUs)
  })

  it.runIf(commandPath('taskset') !== null)('runs on the core that it is given', async () => {
    const [core = 0] = parseCoreList(allowedCores(process.pid))
    const settings = { originPort: 1, accessLog: false, pipelining: 1 }
    const entry = entryOf(ROOT, 'sources')
    await using proxy = await ProxyProcess.start({ entry, settings, core: String(core), preload: null })
    expect(allowedCores(proxy.pid)).toBe(String(core))
  })

  it('that cannot start says why, and leaves no process behind', async () => {
    const settings = { originPort: 1, accessLog: false, pipelining: 1 }
    const start = (entry: string) => ProxyProcess.start({ entry, settings, core: null, preload: null })
    await expect(start(entryOf('/no/such/tree', 'dist'))).rejects.toThrow('npm run build makes dist/')
    await expect(start(fileURLToPath(import.meta.url))).rejects.toThrow(/^the proxy: /)
  })

  it.runIf(existsSync('/proc/self/stat'))('has its own CPU time', () => {
    const { userUs, systemUs } = cpuTimeOf(process.pid)
    expect(userUs + systemUs).toBeGreaterThan(0)
  })
})
