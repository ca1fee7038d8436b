/** Field lines that are made anew for each request. */
import { compileMessageEdits } from '../../../engine/rewriting/message-edits.ts'
import type { FieldEdits } from '../../../engine/snapshot.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { requestOf } from '../routing/heads.ts'

const FIELDS = [
  ['User-Agent', 'bench'],
  ['X-User', 'ann'],
] as const
const RESPONSE = { status: 200, upstream: 'api', endpoint: '10.0.0.1:3000' }

const next = cycle(
  ['/v1/users/42?page=3', '/v1/orders/9000001', '/', '/v1/a'].map(target => requestOf('a.example', target, FIELDS)),
)
const set: FieldEdits['set'] = [
  ['X-User', [{ kind: 'header', name: 'x-user' }]],
  ['X-Asked', ['http://', { kind: 'host' }, { kind: 'path' }]],
]
const ofRequest = compileMessageEdits({ rename: [], remove: [], set, add: [] }, 'request', 'r').lines
const add: FieldEdits['add'] = [['X-Served-By', [{ kind: 'upstream' }, '/', { kind: 'endpoint' }]]]
const ofResponse = compileMessageEdits({ rename: [], remove: [], set, add }, 'response', 'r').lines

bench('two lines of a request, three values', () => {
  const request = next()
  request.begin(request.source, 'id', 0)
  return ofRequest?.of(request)
})
bench('three lines of a response, taken along and finished', () => {
  const request = next()
  request.begin(request.source, 'id', 0)
  return ofResponse?.begin(request).finish(RESPONSE)
})

await runIfMain(import.meta)
