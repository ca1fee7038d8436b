import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

/** Octets of a file that is read. What a larger one says is left to the system's own look-up. */
const FILE_BYTES_MAX = 16 * 1024 * 1024

/**
 * A name as it is compared and asked for: in lower case, letters beyond ASCII in their encoded form (`xn--`), without the
 * dot that may end it. Empty for what cannot be one.
 */
export function canonicalName(name: string): string {
  const ascii = /^[\x20-\x7e]*$/.test(name) ? name.toLowerCase() : domainToASCII(name)
  return ascii.endsWith('.') ? ascii.slice(0, -1) : ascii
}

/** The addresses that each name has in such a file, e.g. `127.0.0.1 localhost`. Lines that say nothing are passed over. */
export function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (isIP(address) === 0) continue
    for (const name of new Set(names.map(canonicalName))) {
      const addresses = hosts.get(name) ?? []
      if (!addresses.includes(address)) addresses.push(address)
      hosts.set(name, addresses)
    }
  }
  return hosts
}

/** A file such as `/etc/hosts`, read again when it has changed. One that is not there, or cannot be read, has no names. */
export class HostsFile {
  readonly #path: string
  /** Tells one state of the file from another. */
  #state = ''
  #hosts: ReadonlyMap<string, readonly string[]> = new Map()
  #look: Promise<void> | null = null

  constructor(path: string) {
    this.#path = path
  }

  /** The addresses of a canonical name, as the file has them now; empty if it has none. Never rejects. */
  async find(name: string): Promise<readonly string[]> {
    this.#look ??= this.#refresh().finally(() => {
      this.#look = null
    })
    await this.#look
    return this.#hosts.get(name) ?? []
  }

  async #refresh(): Promise<void> {
    try {
      const { size, mtimeNs, ino } = await stat(this.#path, { bigint: true })
      const state = `${size} ${mtimeNs} ${ino}`
      if (state === this.#state) return
      this.#hosts = size > FILE_BYTES_MAX ? new Map() : parseHosts(await readFile(this.#path, 'latin1'))
      this.#state = state
    } catch {
      this.#hosts = new Map()
      this.#state = ''
    }
  }
}
