import { describe, expect, test } from 'vitest'
import {
  ControlError,
  formatError,
  formatRequest,
  formatResult,
  LineReader,
  parseAnswer,
  parseRequest,
} from '../../../src/control/wire.ts'

describe('a request', () => {
  test('is what was asked for', () => {
    expect(parseRequest(formatRequest(7, 'status', { a: 1 }))).toEqual({ id: 7, method: 'status', params: { a: 1 } })
    expect(parseRequest('{"sluice":1,"method":"status"}')).toEqual({ id: null, method: 'status', params: {} })
  })

  test.each([
    ['GET / HTTP/1.1', 'bad_request'],
    ['', 'bad_request'],
    ['[]', 'bad_request'],
    ['null', 'bad_request'],
    ['"status"', 'bad_request'],
    ['{}', 'wrong_version'],
    ['{"sluice":2,"method":"status"}', 'wrong_version'],
    ['{"sluice":1}', 'bad_request'],
    ['{"sluice":1,"method":1}', 'bad_request'],
    ['{"sluice":1,"method":"status","id":{}}', 'bad_request'],
    [`{"sluice":1,"method":"status","id":"${'x'.repeat(200)}"}`, 'bad_request'],
    [`${'['.repeat(100_000)}`, 'bad_request'],
  ])('that is none is refused: %#', (line, code) => {
    let thrown: unknown
    try {
      parseRequest(line)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ControlError)
    expect((thrown as ControlError).code).toBe(code)
  })
})

describe('an answer', () => {
  test('is the result, or throws the error that it is', () => {
    expect(parseAnswer(formatResult(1, { x: 1 }))).toEqual({ x: 1 })
    expect(parseAnswer(formatResult(1, undefined))).toBeNull()
    const error = new ControlError('bad_configuration', 'no', { problems: [] })
    expect(() => parseAnswer(formatError(1, error))).toThrow(expect.objectContaining({ ...error, message: 'no' }))
  })

  test.each(['', 'hello', '{}', '[1]', '{"error":null}', '{"error":"x"}'])('of somebody else throws: %j', line => {
    expect(() => parseAnswer(line)).toThrow(ControlError)
  })
})

describe('lines', () => {
  const text = 'one\n\ntwo €\nhalf'

  test('are the same however their bytes come', () => {
    expect(new LineReader(100).push(Buffer.from(text))).toEqual(['one', '', 'two €'])
    const reader = new LineReader(100)
    const lines = [...Buffer.from(text)].flatMap(byte => reader.push(Buffer.of(byte)) ?? ['too long'])
    expect(lines).toEqual(['one', '', 'two €'])
    expect(reader.push(Buffer.from(' and half\n'))).toEqual(['half and half'])
  })

  test('have a bound, whole or not', () => {
    expect(new LineReader(3).push(Buffer.from('abc\nabc'))).toEqual(['abc'])
    expect(new LineReader(3).push(Buffer.from('abcd\n'))).toBeNull()
    const reader = new LineReader(3)
    expect(reader.push(Buffer.from('ab'))).toEqual([])
    expect(reader.push(Buffer.from('cd'))).toBeNull()
  })
})
