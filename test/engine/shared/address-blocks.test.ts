import { describe, expect, it } from 'vitest'
import { AddressBlocks } from '../../../engine/shared/address-blocks.ts'

describe('address blocks', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.168.1.128/25', '192.168.1.128', true],
    ['192.168.1.128/25', '192.168.1.127', false],
    ['127.0.0.1/32', '127.0.0.1', true],
    ['127.0.0.1/32', '127.0.0.2', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', 'fe80::1', false],
    ['::1/128', '::1', true],
    ['::1', '::2', false],
    ['::/0', '2001:db8::1', true],
  ])('%s: %s lies in it is %s', (block, address, isIn) => {
    expect(new AddressBlocks([block]).has(address)).toBe(isIn)
  })

  it('hold an address that lies in any of them', () => {
    const blocks = new AddressBlocks(['10.0.0.0/8', '192.168.0.0/16', '::1/128'])
    const addresses = ['10.1.1.1', '192.168.3.4', '::1', '172.16.0.1', '::2']
    expect(addresses.filter(address => blocks.has(address))).toEqual(['10.1.1.1', '192.168.3.4', '::1'])
  })

  it('take an IPv4-mapped address for the IPv4 address it is', () => {
    const blocks = new AddressBlocks(['10.0.0.0/8'])
    expect(blocks.has('::ffff:10.1.2.3')).toBe(true)
    expect(blocks.has('::ffff:11.1.2.3')).toBe(false)
  })

  it('of one family hold nothing of the other', () => {
    expect(new AddressBlocks(['0.0.0.0/0']).has('2001:db8::1')).toBe(false)
    expect(new AddressBlocks(['fd00::/8']).has('10.0.0.1')).toBe(false)
  })

  it('hold nobody whose address is unknown', () => {
    const blocks = new AddressBlocks(['0.0.0.0/0', '::/0'])
    expect(['unknown', '', 'localhost', '127.0.0.1:80', '[::1]'].some(address => blocks.has(address))).toBe(false)
  })

  it('hold nobody where there are none, whoever it is', () => {
    const blocks = new AddressBlocks([])
    expect(['127.0.0.1', '::1', 'unknown', ''].some(address => blocks.has(address))).toBe(false)
  })
})
