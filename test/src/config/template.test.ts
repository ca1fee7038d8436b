import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseTemplate, seemingValues } from '../../../src/config/template.ts'

const REQUEST = { response: false, captures: false }
const RESPONSE = { response: true, captures: false }
const PATH = { response: false, captures: true }

test.each([
  ['', ''],
  ['plain text', 'plain text'],
  ['$5 and {id}', '$5 and {id}'],
  ['$${client_ip}', '${client_ip}'],
  ['a$${b$${', 'a${b${'],
  ['${client_ip}', [{ kind: 'client_ip' }]],
  ['from ${host}:${client_port}!', ['from ', { kind: 'host' }, ':', { kind: 'client_port' }, '!']],
  ['${header.X-User}', [{ kind: 'header', name: 'x-user' }]],
  ['${query.Page}', [{ kind: 'query_field', name: 'Page' }]],
  ['${cookie.SID}', [{ kind: 'cookie', name: 'SID' }]],
  ['${path.id}${path.*}${path.1}', ['id', '*', '1'].map(name => ({ kind: 'capture', name }))],
])('%s is read', (text, template) => {
  expect(parseTemplate(text, REQUEST)).toEqual({ ok: true, value: template })
})

test('in paths a name in braces stands for what the path has caught', () => {
  expect(parseTemplate('/a/{id}/{*}', PATH)).toEqual({
    ok: true,
    value: ['/a/', { kind: 'capture', name: 'id' }, '/', { kind: 'capture', name: '*' }],
  })
})

test('what is known with a response only is refused where there is none', () => {
  for (const kind of ['status', 'upstream', 'endpoint']) {
    expect(parseTemplate(`\${${kind}}`, RESPONSE)).toEqual({ ok: true, value: [{ kind }] })
    expect(parseTemplate(`\${${kind}}`, REQUEST)).toMatchObject({ ok: false, code: 'template-too-early' })
  }
})

describe('a value that no request has is refused with what was probably meant', () => {
  test.each([
    ['client_up', 'client_ip'],
    ['requestId', 'request_id'],
    ['remote_addr', 'client_ip'],
    ['request_uri', 'path'],
    ['http_x_user', 'header.x-user'],
    ['headers.x-user', 'header.x-user'],
    ['arg_page', 'query.page'],
    ['cookies.sid', 'cookie.sid'],
    ['params.page', 'query.page'],
  ])('%s: %s', (name, meant) => {
    expect(parseTemplate(`\${${name}}`, REQUEST)).toMatchObject({
      code: 'unknown-value',
      hint: `did you mean \${${meant}}?`,
    })
  })

  test('a variable of the environment is told where it belongs', () => {
    expect(parseTemplate('${HOME}', REQUEST)).toMatchObject({ hint: expect.stringContaining('environment') })
  })

  test('a name that is like none gets the list of them all; in a path, what it looks like', () => {
    expect(parseTemplate('${zebra}', REQUEST)).toMatchObject({ hint: expect.stringContaining('header.NAME') })
    expect(parseTemplate('${zebra}', PATH)).toMatchObject({ hint: 'did you mean {zebra}?' })
  })
})

test.each(['${', 'a${b', '${}', '${header.}', '${header.a b}', '${query.}', '${path.a b}'])('%s is refused', text => {
  expect(parseTemplate(text, REQUEST).ok).toBe(false)
})

test('text that looks like a value is found where none is put in', () => {
  expect(seemingValues('from $remote_addr and $5', true)).toEqual([{ written: '$remote_addr', meant: '${client_ip}' }])
  expect(seemingValues('${host}', true)).toEqual([])
  expect(seemingValues('${host} ${zebra}', false)).toEqual([{ written: '${host}', meant: '${host}' }])
})

test('any text is read or refused in words, and text without a "$" stays what it is', () => {
  fc.assert(
    fc.property(fc.string(), fc.boolean(), (text, captures) => {
      const parsed = parseTemplate(text, { response: true, captures })
      if (!parsed.ok) expect(parsed.message).not.toBe('')
      else if (!text.includes('$') && !captures) expect(parsed.value).toBe(text)
    }),
  )
})
