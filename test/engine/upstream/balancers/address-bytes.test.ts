import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IPV4_BYTES, IPV6_BYTES, readAddress } from '../../../../engine/upstream/balancers/address-bytes.ts'

function bytesOf(text: string): number[] | null {
  const bytes = new Uint8Array(16).fill(0xee)
  const length = readAddress(text, bytes)
  return length === 0 ? null : [...bytes.subarray(0, length)]
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0)

describe('the bytes of an address', () => {
  it.each([
    ['0.0.0.0', [0, 0, 0, 0]],
    ['10.20.30.255', [10, 20, 30, 255]],
    ['::', zeros(16)],
    ['::1', [...zeros(15), 1]],
    ['1::', [0, 1, ...zeros(14)]],
    ['2001:db8::ff00:42:8329', [0x20, 0x01, 0x0d, 0xb8, ...zeros(6), 0xff, 0, 0, 0x42, 0x83, 0x29]],
    ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ['1:2:3:4:5:6:7::', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]],
    ['::ffff:1.2.3.4', [...zeros(10), 0xff, 0xff, 1, 2, 3, 4]],
    ['1:2:3:4:5:6:1.2.3.4', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4]],
    ['FE80::ABCD%eth0', [0xfe, 0x80, ...zeros(12), 0xab, 0xcd]],
  ])('of %s', (text, bytes) => {
    expect(bytesOf(text)).toEqual(bytes)
  })

  it('of IPv4 are those of its numbers', () => {
    fc.assert(
      fc.property(fc.ipV4(), text => {
        expect(bytesOf(text)).toEqual(text.split('.').map(Number))
      }),
    )
  })

  it('of IPv6 are those of the same address in another form', () => {
    fc.assert(
      fc.property(fc.ipV6(), text => {
        const bytes = bytesOf(text)
        expect(bytes?.length).toBe(IPV6_BYTES)
        const groups = Array.from({ length: 8 }, (_, index) => (bytes![2 * index]! << 8) | bytes![2 * index + 1]!)
        const plain = groups.map(group => group.toString(16)).join(':')
        const same = new BlockList()
        same.addAddress(plain, 'ipv6')
        expect(same.check(text, 'ipv6')).toBe(true)
      }),
    )
  })

  it.each([
    '',
    'unknown',
    'unix:',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1..3.4',
    '1.2.3.4 ',
    '1.2.3.4:80',
    '.1.2.3',
    ':',
    ':::',
    '1:',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1::2',
    '12345::',
    '::g',
    '::1.2.3',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3.4:5',
    '[::1]',
  ])('are none for what is no address: %j', text => {
    expect(bytesOf(text)).toBe(null)
  })

  it('are there for exactly what Node takes for an address, zeros in front apart', () => {
    const symbol = fc.constantFrom('0', '1', '25', 'a', 'ff', '.', ':', '::', '%')
    fc.assert(
      fc.property(fc.array(symbol, { maxLength: 16 }), symbols => {
        const text = symbols.join('')
        if (/(?:^|\.)0\d/.test(text) || text.includes('%')) return
        const length = readAddress(text, new Uint8Array(16))
        expect(length).toBe({ 0: 0, 4: IPV4_BYTES, 6: IPV6_BYTES }[isIP(text)])
      }),
      { numRuns: 3000 },
    )
  })
})
