import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Explainer } from '../../../engine/explain/explain.ts'
import type { ExplainedFiles, ExplainedRules, Explanation } from '../../../engine/explain/explanation.ts'
import { stateAtRest } from '../../../engine/explain/state.ts'
import type { Snapshot } from '../../../engine/snapshot.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import { type Field, valuesOf } from '../../support/strict-head.ts'
import type { StrictResponse } from '../../support/strict-response.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { THOROUGH } from '../../support/thorough.ts'
import {
  commonPages,
  type RandomRequest,
  randomRequest,
  randomTable,
  sureRequests,
  sureRoutes,
  UPSTREAMS,
} from './random-table.ts'

const ROUTES = 500
const REQUESTS = THOROUGH ? 10_000 : 3_000
/** Of so many requests one has every route asked: the first that matches is the one. */
const JUDGED_EVERY = 20
/** Requests that are under way at once, each on a connection of its own. */
const CONNECTIONS = 9

/** Below the folder of routes with files; the content of each is its name. */
const FILES = ['index.html', 'users', 'a/index.html', 'a/b'] as const
const FOLDERS = ['a', 'cc'] as const

/** What is compared: everything that does not differ from one request to the next. */
interface Outcome {
  readonly status: number
  /** The route that the response is by; empty where it does not say. */
  readonly route: string
  readonly upstream: string
  /** The request as the upstream got it. */
  readonly request: readonly string[]
  /** The head of an answer of the proxy's own. */
  readonly answer: readonly string[]
  /** The file; empty for none. */
  readonly file: string
}

const NOTHING: Outcome = { status: 200, route: '', upstream: '', request: [], answer: [], file: '' }

/** Every response has these, or a connection. */
const ALWAYS = /^(date|connection): /i
/** Made up where nobody tells one. */
const MADE_UP = 'x-request-id: request-id'

function told(explanation: Explanation): Outcome {
  const { answer, upstream, upstreamRequest, files, rules } = explanation
  const route = explanation.fallbacks.at(-1)?.route ?? explanation.route ?? ''
  if (answer !== null) {
    const lines = Object.entries(answer.fields).map(([name, value]) => `${name}: ${value}`)
    return { ...NOTHING, status: answer.status, route: answer.fields['x-route'] ?? '', answer: sorted(lines) }
  }
  if (files !== null) return { ...NOTHING, ...fileOutcome(files, rules), route }
  if (upstreamRequest === null) throw new Error('it goes nowhere, and nobody answers')
  const { method, target, fields } = upstreamRequest
  const lines = [`${method} ${target}`, ...fields.map(lineOf)]
  return { ...NOTHING, route, upstream: upstream?.name ?? '', request: sorted(lines) }
}

/** Whether there is a file is the only thing that nobody has told. */
function fileOutcome({ names }: ExplainedFiles, rules: ExplainedRules | null): Pick<Outcome, 'status' | 'file'> {
  if (['.', ...FOLDERS].includes(names[0]!)) return { status: 301, file: '' }
  const file = names.find(name => (FILES as readonly string[]).includes(name))
  if (file !== undefined) return { status: 200, file }
  const page = rules?.errorPages.find(({ statuses }) => statuses.some(range => /^404/.test(range)))
  return { status: page?.status || 404, file: '' }
}

function lineOf([name, value]: Field | readonly [string, string]): string {
  return `${name.toLowerCase()}: ${value}`
}

function sorted(lines: readonly string[]): readonly string[] {
  return lines.filter(line => !ALWAYS.test(line)).sort()
}

function got({ status, fields, content }: StrictResponse, explanation: Explanation): Outcome {
  const value = (name: string) => valuesOf(fields, name).join(', ')
  const seen = { ...NOTHING, status, route: value('x-route') }
  const text = content.toString('latin1')
  if (value('x-upstream') !== '') return { ...seen, upstream: value('x-upstream'), request: sorted(text.split('\n')) }
  if (explanation.answer !== null) return { ...seen, answer: sorted(joined(fields).map(lineOf)) }
  return { ...seen, file: (FILES as readonly string[]).includes(text) ? text : '' }
}

/** Lines of a name as one, as an explanation has them. */
function joined(fields: readonly Field[]): readonly Field[] {
  const names = [...new Set(fields.map(([name]) => name.toLowerCase()))]
  return names.map(name => [name, valuesOf(fields, name).join(', ')])
}

/** What an explanation says of ids that are made up says nothing of a request. */
function withoutMadeUp(outcome: Outcome, isMadeUp: boolean): Outcome {
  if (!isMadeUp) return outcome
  return { ...outcome, request: outcome.request.filter(line => !line.startsWith('x-request-id: ')) }
}

function fieldsOf({ method, fields }: RandomRequest): RandomRequest['fields'] {
  return method === 'POST' ? [...fields, ['Content-Length', '0']] : fields
}

function wire(request: RandomRequest): string {
  const { method, target, host } = request
  const lines = [['Host', host] as const, ...fieldsOf(request)].map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}

function asked(request: RandomRequest, proxy: TestProxy) {
  const { method, host, target, listener } = request
  const port = proxy.portOf(listener)
  const fields = [['Host', host] as const, ...fieldsOf(request)]
  // The port of the URL leads to the listener.
  return {
    method,
    scheme: 'http' as const,
    authority: `${host}:${port}`,
    target,
    fields,
    from: '127.0.0.1',
    listener: '',
    certificate: null,
  }
}

/** Each says who it is, and what it got. */
async function tellingOrigins(): Promise<readonly RecordingOrigin[]> {
  return await Promise.all(
    [...UPSTREAMS, 'shade'].map(name =>
      recordingOrigin({
        answer: ({ method, target, fields }) => {
          const content = [`${method} ${target}`, ...fields.map(lineOf)].join('\n')
          return `HTTP/1.1 200 OK\r\nx-upstream: ${name}\r\nContent-Length: ${content.length}\r\n\r\n${content}`
        },
      }),
    ),
  )
}

/** As the proxy runs it: with the ports that it got. */
function bound({ snapshot, portOf }: TestProxy): Snapshot {
  const listeners = snapshot.listeners.map((listener, index) => ({
    ...listener,
    address: { kind: 'tcp', host: '127.0.0.1', port: portOf(index) } as const,
  }))
  return { ...snapshot, listeners }
}

async function writeFiles(folder: string): Promise<void> {
  for (const name of FOLDERS) await mkdir(join(folder, name))
  for (const name of FILES) await writeFile(join(folder, name), name)
}

describe('what explain says', () => {
  it(`is what happens, for ${REQUESTS} random requests over ${ROUTES} random routes`, async () => {
    const seed = Math.trunc(Math.random() * 2 ** 31)
    await using folder = await temporaryFolder()
    await writeFiles(folder.path)
    const sure = sureRoutes(folder.path, ROUTES - 1)
    const [others = []] = fc.sample(randomTable(ROUTES - sure.length, folder.path), { seed, numRuns: 1 })
    const routes = [...others, ...sure]
    const requests = [...fc.sample(randomRequest, { seed, numRuns: REQUESTS }), ...sureRequests(sure)]
    const origins = await tellingOrigins()
    const [red, green, blue, shade] = origins.map(({ address }) => [address])
    const options: TestProxyOptions = {
      listeners: [
        { trustedProxies: ['127.0.0.1'] },
        {
          forwarded: true,
          paths: { dotSegments: 'refuse', emptySegments: 'keep', encodedSlashes: 'normalise', parameters: 'normalise' },
        },
        {},
      ],
      upstreams: { red: red!, green: green!, blue: blue!, void: [], shade: shade! },
      routes,
      errorPages: commonPages,
    }
    await using proxy = await startTestProxy(options)
    const explainer = await Explainer.open(stateAtRest(bound(proxy)))
    const taken = new Map<string, number>()
    let mirrored = 0
    const queue = [...requests]
    const work = async (listener: number) => {
      using client = await rawClient(proxy.portOf(listener))
      for (let at = nextFor(queue, listener); at >= 0; at = nextFor(queue, listener)) {
        const [request] = queue.splice(at, 1) as [RandomRequest]
        const isJudged = queue.length % JUDGED_EVERY === 0
        const explanation = explainer.explain(asked(request, proxy), isJudged)
        if (isJudged) {
          expect(explanation.candidates.find(({ matches }) => matches)?.route ?? null).toBe(explanation.route)
        }
        await client.send(wire(request))
        const response = await client.readResponse({ method: request.method })
        const expected = told(explanation)
        const isMadeUp = expected.request.includes(MADE_UP)
        const outcome = withoutMadeUp(got(response, explanation), isMadeUp)
        expect({ seed, request, outcome }).toEqual({ seed, request, outcome: withoutMadeUp(expected, isMadeUp) })
        mirrored += explanation.mirror?.share ?? 0
        const kind = explanation.error || explanation.action
        taken.set(kind, (taken.get(kind) ?? 0) + 1)
        for (const { error } of explanation.fallbacks) taken.set(`after ${error}`, 1)
        if (valuesOf(response.fields, 'connection').includes('close')) return
      }
    }
    while (queue.length > 0)
      await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => work(index % options.listeners!.length)))
    explainer.close()
    const stats = proxy.stats()
    expect({ seed, mirrored: stats.mirrored + stats.mirrorsDropped }).toEqual({ seed, mirrored })
    expect(mirrored).toBeGreaterThan(0)
    for (const origin of origins) await origin[Symbol.asyncDispose]()
    // The table is no formality: everything that a route can do has been done.
    expect([...taken.keys()]).toEqual(
      expect.arrayContaining([
        'forward',
        'split',
        'respond',
        'redirect',
        'files',
        'no_route',
        'no_endpoint',
        'request_path',
        'file_method',
        'after no_endpoint',
      ]),
    )
  }, 120_000)
})

/** From the end, where taking one out costs nothing. */
function nextFor(queue: readonly RandomRequest[], listener: number): number {
  return queue.findLastIndex(request => request.listener === listener)
}
