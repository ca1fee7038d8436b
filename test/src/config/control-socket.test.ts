import { expect, test } from 'vitest'
import { parseControlSocket } from '../../../src/config/control-socket.ts'

test.each([
  ['auto', 'auto'],
  ['off', 'off'],
  ['/run/sluice/control.sock', '/run/sluice/control.sock'],
  ['unix:/run/control.sock', '/run/control.sock'],
  ['state/control.sock', 'state/control.sock'],
])('the control socket %s is %s', (text, socket) => {
  expect(parseControlSocket(text)).toEqual({ ok: true, value: socket })
})

test.each(['', 'unix:', 'on', '127.0.0.1:9901', ':9901', '/run/', 'a\nb', `/${'x'.repeat(107)}`])(
  '%j is no control socket',
  text => {
    expect(parseControlSocket(text)).toMatchObject({ ok: false, code: 'wrong-address' })
  },
)
