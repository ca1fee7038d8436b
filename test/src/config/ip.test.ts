import { BlockList } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalIp, parseCidr } from '../../../src/config/ip.ts'

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['127.0.0.1', '127.0.0.1/32'],
  ['192.168.1.128/25', '192.168.1.128/25'],
  ['255.255.255.255/32', '255.255.255.255/32'],
  ['::1', '::1/128'],
  ['::/0', '::/0'],
  ['FD00::/8', 'fd00::/8'],
  ['2001:db8:0:0:0:0:0:0/33', '2001:db8::/33'],
  ['2001:db8:8000::/33', '2001:db8:8000::/33'],
  ['::ffff:10.0.0.0/104', '::ffff:a00:0/104'],
])('%s is the block %s', (text, block) => {
  expect(parseCidr(text)).toEqual({ ok: true, value: block })
})

test.each([
  ['10.0.0.1/8', '10.0.0.0/8 or 10.0.0.1'],
  ['192.168.1.129/25', '192.168.1.128/25 or 192.168.1.129'],
  ['2001:db8:8000::/32', '2001:db8::/32 or 2001:db8:8000::'],
  ['::1/0', '::/0 or ::1'],
])('%s, which has bits behind its prefix length, is refused with %s', (text, suggestion) => {
  expect(parseCidr(text)).toMatchObject({ ok: false, hint: `did you mean ${suggestion}?` })
})

test.each([
  '',
  '/',
  '10.0.0.0/',
  '10.0.0/8',
  '10.0.0.0/08',
  '10.0.0.0/+8',
  '10.0.0.0/8/8',
  '::/129',
  'fe80::1%lo/64',
  '*',
])('%j is refused', text => {
  expect(parseCidr(text).ok).toBe(false)
})

test('every block that is read is one that Node takes, and its first address is in it', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), (address, length) => {
      const parsed = parseCidr(`${address}/${length}`)
      const network = parsed.ok ? parsed.value : /mean (\S+) or/.exec(parsed.hint)![1]!
      const [first = '', bits] = network.split('/')
      const blocks = new BlockList()
      blocks.addSubnet(first, Number(bits), 'ipv6')
      expect(blocks.check(canonicalIp(address), 'ipv6')).toBe(true)
      expect(parseCidr(network)).toEqual({ ok: true, value: network })
    }),
  )
})
