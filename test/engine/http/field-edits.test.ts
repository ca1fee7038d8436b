import { describe, expect, it } from 'vitest'
import { type CompiledEdits, compileEdits, editFields } from '../../../engine/http/field-edits.ts'
import type { FieldEdits, FieldLine } from '../../../engine/snapshot.ts'
import { parseFieldName } from '../../../src/config/field.ts'
import { NO_EDITS } from '../../support/snapshot.ts'

function compiled(edits: Partial<FieldEdits>): CompiledEdits | null {
  return compileEdits({ ...NO_EDITS, ...edits }, [], 'response')
}

describe('the fields of an answer of our own', () => {
  const FIELDS: readonly FieldLine[] = [
    ['Content-Type', 'text/plain'],
    ['X-A', '1'],
    ['x-a', '2'],
    ['Empty', ''],
  ]

  it('stay as they are without changes', () => {
    expect(editFields(FIELDS, null)).toEqual(FIELDS)
    expect(editFields(FIELDS, compiled({ add: [['X-B', '1']] }))).toEqual(FIELDS)
  })

  it('are renamed in their places, and taken out', () => {
    expect(editFields(FIELDS, compiled({ rename: [['x-a', 'X-B']], remove: ['empty'] }))).toEqual([
      ['Content-Type', 'text/plain'],
      ['X-B', '1'],
      ['X-B', '2'],
    ])
  })

  it('make room for those that are set', () => {
    expect(editFields(FIELDS, compiled({ set: [['X-A', 'mine']] })).map(([name]) => name)).toEqual([
      'Content-Type',
      'Empty',
    ])
  })
})

describe('a change that is not for a route to make', () => {
  const OURS = [
    'Connection',
    'content-length',
    'Expect',
    'HTTP2-Settings',
    'Keep-Alive',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
  ]

  it.each(OURS)('is refused: of %s, whichever way', name => {
    const changes: readonly Partial<FieldEdits>[] = [
      { rename: [[name.toLowerCase(), 'X-A']] },
      { rename: [['x-a', name]] },
      { remove: [name.toLowerCase()] },
      { set: [[name, '1']] },
      { add: [[name, '1']] },
    ]
    for (const change of changes) expect(() => compiled(change), JSON.stringify(change)).toThrow(/may not change/)
  })

  it.each(OURS)('is no change that a configuration may have: of %s', name => {
    expect(parseFieldName(name).ok).toBe(false)
  })

  it('is that of Host in a request: `host` of the route says what it is', () => {
    const edits = { ...NO_EDITS, set: [['Host', 'a']] } as const
    expect(() => compileEdits(edits, edits.set, 'request')).toThrow(/may not change the field host/i)
    expect(() => compileEdits(edits, edits.set, 'response')).not.toThrow()
  })

  it.each(['', 'a b', 'a:', 'a\r\nb', 'ä'])('is that of %j, which is no name', name => {
    expect(() => compiled({ add: [[name, '1']] })).toThrow('is not a field name')
  })
})
