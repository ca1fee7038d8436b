import { describe, expect, it } from 'vitest'
import type { FieldEdits } from '../../../engine/snapshot.ts'
import { head } from '../../support/heads.ts'
import { CLAIMS, editsOf, GET, HOST, rewriteRequest, rewriteResponse, untrustedLines } from './written-head.ts'

describe('what a route changes in a request', () => {
  it('takes out every line of a name, in any case', () => {
    const fields = ['X-Gone: 1', HOST, 'x-gone: 2', 'X-Stay: 3', 'X-GONE: 4']
    const lines = rewriteRequest(head(GET, ...fields), { edits: { remove: ['x-gone'] } })
    expect(lines).toEqual([GET, HOST, 'X-Stay: 3', ...untrustedLines('a.example')])
  })

  it('replaces every line of a name by its own', () => {
    const lines = rewriteRequest(head(GET, 'x-a: 1', HOST, 'X-A: 2', 'X-B: 3'), {
      edits: {
        set: [
          ['X-A', 'mine'],
          ['X-New', 'new'],
        ],
      },
    })
    expect(lines).toEqual([GET, HOST, 'X-B: 3', ...untrustedLines('a.example'), 'X-A: mine', 'X-New: new'])
  })

  it.each([
    ['X-Forwarded-For', '10.9.9.9'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'public.example'],
    ['X-Forwarded-Port', '443'],
    ['X-Request-Id', 'fixed'],
    ['Via', '1.1 mine'],
    ['Forwarded', 'for=mine'],
  ])('overrides %s, which then stands there once and as the route says', (name, value) => {
    for (const trusted of [false, true]) {
      for (const fields of [[], CLAIMS, ['Via: 1.0 other']]) {
        const lines = rewriteRequest(head(GET, HOST, ...fields), {
          trusted,
          forwarded: true,
          edits: { set: [[name, value]] },
        })
        const own = lines.filter(line => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
        expect(own, `trusted: ${trusted}, ${fields.length} claims`).toEqual([`${name}: ${value}`])
        const ours = untrustedLines('a.example').map(line => line.slice(0, line.indexOf(':')))
        const missing = [...ours, 'Forwarded'].filter(our => !lines.some(line => line.startsWith(`${our}:`)))
        expect(missing).toEqual([])
      }
    }
  })

  it.each([
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'x-forwarded-port',
    'x-request-id',
    'via',
    'forwarded',
  ])('takes out %s, ours too', name => {
    for (const trusted of [false, true]) {
      const lines = rewriteRequest(head(GET, HOST, ...CLAIMS), { trusted, forwarded: true, edits: { remove: [name] } })
      expect(
        lines.filter(line => line.toLowerCase().startsWith(`${name}:`)),
        `trusted: ${trusted}`,
      ).toEqual([])
    }
  })

  it('calls lines otherwise, in their places and with all that stands behind the name', () => {
    const fields = ['X-Old:1', HOST, 'x-OLD:  2  ', 'X-Stay: 3', 'X-OLD:']
    const lines = rewriteRequest(head(GET, ...fields), { edits: { rename: [['x-old', 'X-New']] } })
    const renamed = ['X-New:1', HOST, 'X-New:  2  ', 'X-Stay: 3', 'X-New:']
    expect(lines).toEqual([GET, ...renamed, ...untrustedLines('a.example')])
  })

  it('renames each line once, so that two names can change places', () => {
    const rename = [
      ['x-a', 'X-B'],
      ['x-b', 'X-A'],
    ] as const
    const lines = rewriteRequest(head(GET, 'X-A: 1', 'X-B: 2', HOST), { edits: { rename } })
    expect(lines).toEqual([GET, 'X-B: 1', 'X-A: 2', HOST, ...untrustedLines('a.example')])
  })

  it('renames before it removes and sets, and adds behind that', () => {
    const edits: Partial<FieldEdits> = {
      rename: [
        ['x-a', 'X-Gone'],
        ['x-b', 'X-Set'],
        ['x-c', 'X-Add'],
        ['x-set', 'X-Was-Set'],
      ],
      remove: ['x-gone'],
      set: [['X-Set', 'mine']],
      add: [['x-add', 'more']],
    }
    const fields = ['X-A: 1', 'X-B: 2', 'X-C: 3', 'X-Gone: 4', 'X-Set: 5', 'X-Add: 6']
    expect(rewriteRequest(head(GET, HOST, ...fields), { edits })).toEqual([
      GET,
      HOST,
      'X-Add: 3',
      'X-Was-Set: 5',
      'X-Add: 6',
      ...untrustedLines('a.example'),
      'X-Set: mine',
      'x-add: more',
    ])
  })

  it.each([
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
    'X-Request-Id',
    'Via',
    'Forwarded',
  ])('calls %s otherwise, ours too', name => {
    for (const trusted of [false, true]) {
      for (const fields of [[], CLAIMS, ['Via: 1.0 other']]) {
        const setting = { trusted, forwarded: true }
        const text = head(GET, HOST, ...fields)
        const edits = { rename: [[name.toLowerCase(), 'X-Called']] } as const
        const renamed = rewriteRequest(text, { ...setting, edits })
        const plain = rewriteRequest(text, setting)
        const expected = plain.map(line => (line.startsWith(`${name}:`) ? `X-Called${line.slice(name.length)}` : line))
        expect(renamed.toSorted(), `trusted: ${trusted}, ${fields.length} claims`).toEqual(expected.toSorted())
      }
    }
  })

  it.each([
    ['X-Request-Id', ['theirs']],
    ['X-Forwarded-Proto', ['theirs']],
    ['X-Forwarded-Host', ['theirs']],
    ['X-Forwarded-Port', ['theirs']],
    ['X-Forwarded-For', ['theirs', '203.0.113.9']],
    ['Via', ['theirs', '1.1 sluice']],
  ])('lets a line that is renamed to %s stand for ours, or before it where that is a list', (name, values) => {
    for (const trusted of [false, true]) {
      const edits = { rename: [['x-theirs', name]] } as const
      const lines = rewriteRequest(head(GET, HOST, 'X-Theirs: theirs'), { trusted, edits })
      const own = lines.filter(line => line.startsWith(`${name}:`))
      expect(own, `trusted: ${trusted}`).toEqual(values.map(value => `${name}: ${value}`))
      const ours = untrustedLines('a.example').map(line => line.slice(0, line.indexOf(':')))
      expect(ours.filter(our => !lines.some(line => line.startsWith(`${our}:`)))).toEqual([])
    }
  })

  it('adds to ours', () => {
    const edits = {
      add: [
        ['Via', '1.1 mine'],
        ['X-Forwarded-For', '10.0.0.1'],
      ],
    } as const
    const lines = rewriteRequest(head(GET, HOST), { edits })
    expect(lines).toEqual([GET, HOST, ...untrustedLines('a.example'), 'Via: 1.1 mine', 'X-Forwarded-For: 10.0.0.1'])
  })

  it('has lines of this request behind those of all', () => {
    const lines = rewriteRequest(head(GET, HOST), { edits: { add: [['X-A', '1']] }, lines: 'X-B: 2\r\nX-C: 3\r\n' })
    expect(lines).toEqual([GET, HOST, ...untrustedLines('a.example'), 'X-A: 1', 'X-B: 2', 'X-C: 3'])
  })

  it('works beside what the client nominates', () => {
    const lines = rewriteRequest(head(GET, HOST, 'Connection: X-Hop', 'X-Hop: 1', 'X-Gone: 2', 'X-Stay: 3'), {
      edits: { remove: ['x-gone'] },
    })
    expect(lines).toEqual([GET, HOST, 'X-Stay: 3', ...untrustedLines('a.example')])
  })
})

describe('edits of nothing', () => {
  it('are none at all, so that the common case is one test', () => {
    expect(editsOf()).toBeNull()
  })
})

describe('the head of a response with other names', () => {
  it('has the lines in their places', () => {
    const text = head('HTTP/1.1 200 OK', 'Server: x', 'X-A: y', 'SERVER: z', 'Content-Length: 0')
    const edits = { rename: [['server', 'X-Origin-Server']], add: [['Server', 'mine']] } as const
    expect(rewriteResponse(text, { edits })).toEqual([
      'HTTP/1.1 200 OK',
      'X-Origin-Server: x',
      'X-A: y',
      'X-Origin-Server: z',
      'Content-Length: 0',
      'Server: mine',
    ])
  })

  it('is a 101, too', () => {
    const fields = ['Upgrade: websocket', 'Connection: Upgrade', 'Server: x']
    const edits = { rename: [['server', 'X-Server']], set: [['X-A', 'b']] } as const
    expect(rewriteResponse(head('HTTP/1.1 101 Switching Protocols', ...fields), { edits })).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'X-Server: x',
      'Connection: upgrade',
      'Upgrade: websocket',
      'X-A: b',
    ])
  })

  it('is no interim one', () => {
    const text = head('HTTP/1.1 103 Early Hints', 'Link: a', 'Server: x')
    expect(rewriteResponse(text, { edits: { remove: ['server'] } })).toContain('Server: x')
  })
})
