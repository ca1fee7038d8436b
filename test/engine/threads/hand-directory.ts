import { ResolveError } from '../../../engine/net/resolve-error.ts'
import type { Answer, ServiceAnswer, ServiceTarget } from '../../../engine/net/resolver.ts'
import { ENDPOINT_CELLS } from '../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import type { ServiceName } from '../../../engine/snapshot.ts'
import type { EngineEvent } from '../../../engine/threads/api.ts'
import { Columns } from '../../../engine/threads/columns.ts'
import { type DirectoryOwner, UpstreamDirectory } from '../../../engine/threads/upstream-directory.ts'
import type { NameOwner, NameWatch } from '../../../engine/upstream/names.ts'
import type { EndpointPlacement } from '../../../engine/upstream/placement.ts'
import { type TestUpstream, upstreamSnapshot } from '../../support/snapshot.ts'

/** Names that say what a test has them say. */
export class HandNames {
  readonly #owners = new Map<string, NameOwner<Answer> | NameOwner<ServiceAnswer>>()
  closed = 0

  get watched(): string[] {
    return [...this.#owners.keys()]
  }

  watchHost(host: string, _settings: unknown, owner: NameOwner<Answer>) {
    return this.#watch(host, owner)
  }

  watchService({ service }: ServiceName, _settings: unknown, owner: NameOwner<ServiceAnswer>) {
    return this.#watch(service, owner)
  }

  #watch(name: string, owner: NameOwner<Answer> | NameOwner<ServiceAnswer>) {
    this.#owners.set(name, owner)
    return {
      close: () => {
        if (this.#owners.delete(name)) this.closed += 1
      },
    }
  }

  host(name: string, ...addresses: string[]): void {
    const owner = this.#owners.get(name) as NameOwner<Answer> | undefined
    owner?.onChange({ addresses, ttlMs: 1_000 })
  }

  service(name: string, ...targets: (Partial<ServiceTarget> & Pick<ServiceTarget, 'addresses' | 'port'>)[]): void {
    const owner = this.#owners.get(name) as NameOwner<ServiceAnswer> | undefined
    const complete = targets.map(target => ({ host: 'x', priority: 0, weight: 1, ...target }))
    owner?.onChange({ targets: complete, ttlMs: 1_000 })
  }

  fail(name: string): void {
    this.#owners.get(name)?.onError(new ResolveError(name, 'ENOTFOUND'))
  }
}

export interface HandDirectory {
  readonly directory: UpstreamDirectory
  readonly page: StatePage
  readonly columns: Columns
  readonly names: HandNames
  readonly events: EngineEvent[]
  /** What the workers were told last, and what the watchers of health were. */
  readonly published: (readonly EndpointPlacement[])[]
  readonly followed: (readonly EndpointPlacement[])[]
  /** Of the last `publish`: with `holds` set, its promise waits for `acknowledge`. */
  holds: boolean
  acknowledge(): void
  /** Of an endpoint, by its name in `endpoints()`. */
  cell(name: string, index: number): number
  setCell(name: string, index: number, value: number): void
  placement(name: string): EndpointPlacement
}

/** The directory of one upstream, with a supervisor of hand: it runs. */
export function handDirectory(upstream: TestUpstream, columnCount = 8, hasNames = true): HandDirectory {
  const page = StatePage.create(2, columnCount, 2)
  const columns = new Columns(page)
  const names = new HandNames()
  const events: EngineEvent[] = []
  const published: (readonly EndpointPlacement[])[] = []
  const followed: (readonly EndpointPlacement[])[] = []
  let waiting: (() => void)[] = []
  const played = { holds: false }
  const owner: DirectoryOwner & { names: NameWatch | null } = {
    page,
    columns,
    names: hasNames ? (names as unknown as NameWatch) : null,
    async loadNames() {
      owner.names = names as unknown as NameWatch
      return owner.names
    },
    tokenOf: (_, address) => `token of ${address}`,
    publish(_, placements) {
      published.push(placements)
      return played.holds ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve()
    },
    onPlaced: (_, placements) => followed.push(placements),
    onEvent: event => events.push(event),
  }
  const directory = new UpstreamDirectory(upstreamSnapshot('api', upstream), 1, owner)
  directory.run()
  const placement = (name: string) => {
    const found = directory.placements.find(one => one.name === name)
    if (found === undefined) throw new Error(`there is no endpoint ${name}`)
    return found
  }
  return Object.assign(played, {
    directory,
    page,
    columns,
    names,
    events,
    published,
    followed,
    acknowledge() {
      for (const resolve of waiting) resolve()
      waiting = []
    },
    placement,
    cell: (name: string, index: number) => page.endpointCells[placement(name).column * ENDPOINT_CELLS + index]!,
    setCell(name: string, index: number, value: number) {
      page.endpointCells[placement(name).column * ENDPOINT_CELLS + index] = value
    },
  })
}
