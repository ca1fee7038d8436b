import { BlockList, isIP, isIPv6 } from 'node:net'

/** Whether an IP address (nothing else ever does) lies in one of the blocks (`10.0.0.0/8`, `::1`, ...). IPv4-mapped addresses count as IPv4. */
export class AddressBlocks {
  readonly #blocks: BlockList | null

  constructor(blocks: readonly string[]) {
    if (blocks.length === 0) {
      this.#blocks = null
      return
    }
    this.#blocks = new BlockList()
    for (const block of blocks) {
      const [address = '', bits] = block.split('/')
      const family = isIPv6(address) ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.#blocks.addAddress(address, family)
      else this.#blocks.addSubnet(address, Number(bits), family)
    }
  }

  has(address: string): boolean {
    if (this.#blocks === null || isIP(address) === 0) return false
    return this.#blocks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}
