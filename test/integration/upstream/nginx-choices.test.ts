import { Agent, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Balancer } from '../../../engine/upstream/balancers/balancer.ts'
import { Dice } from '../../../engine/upstream/balancers/dice.ts'
import { IpHash } from '../../../engine/upstream/balancers/ip-hash.ts'
import { Ketama } from '../../../engine/upstream/balancers/ketama.ts'
import { RoundRobin } from '../../../engine/upstream/balancers/round-robin.ts'
import { Members } from '../../../engine/upstream/members.ts'
import { freePort } from '../../support/free-port.ts'
import { nginxProcess } from '../../support/nginx-process.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Six origins, one of them behind a unix socket, that all are nginx itself and answer with their number. */
const WEIGHTS = [1, 2, 3, 4, 5, 3]
const UNIX = 5

const KEYS = 1000
/** Requests at a time, each on a connection that is kept. */
const LANES = 16

/** Weights of which the whole sequence is compared. */
const SEQUENCES = [
  [5, 1, 1],
  [1, 1, 1],
  [1, 2, 3, 4, 5],
  [3, 3, 1, 7, 7, 2],
  [100, 1, 50, 1],
] as const

const dice = new Dice(2024)
const agent = new Agent({ keepAlive: true, maxSockets: LANES })
const stack = new AsyncDisposableStack()
let port = 0
let servers: string[] = []
let refusingPorts: number[] = []

interface Group {
  readonly name: string
  readonly method: string
  readonly weights: readonly number[]
  /** Places that are not chosen. */
  readonly down: readonly number[]
  /** Places that are, and refuse the connection. */
  readonly refusing: readonly number[]
}

function groupWith(name: string, method: string, more: Partial<Group> = {}): Group {
  return { name, method, weights: WEIGHTS, down: [], refusing: [], ...more }
}

const HASH = 'hash $http_x_key consistent;'
const IP_HASH = 'ip_hash;'
const GROUPS: readonly Group[] = [
  groupWith('hash', HASH),
  groupWith('hash-down', HASH, { down: [1, 4] }),
  groupWith('hash-refused', HASH, { refusing: [1, 4] }),
  groupWith('ip', IP_HASH),
  groupWith('ip-down', IP_HASH, { down: [1, 4] }),
  groupWith('ip-refused', IP_HASH, { refusing: [1, 4] }),
  groupWith('turns-down', '', { down: [2] }),
  ...SEQUENCES.map((weights, index) => groupWith(`turns-${index}`, '', { weights })),
]

function serverOf({ refusing }: Group, place: number): string {
  return (refusing.includes(place) ? `127.0.0.1:${refusingPorts[refusing.indexOf(place)]}` : servers[place])!
}

function upstreamOf(all: Group): string {
  const lines = all.weights.map((weight, place) => {
    const down = all.down.includes(place) ? ' down' : ''
    return `server ${serverOf(all, place)} weight=${weight} max_fails=0${down};`
  })
  return `upstream ${all.name} { ${all.method} ${lines.join(' ')} keepalive 64; }`
}

function configuration(): string {
  const origins = servers.map((server, place) => `server { listen ${server}; location / { return 200 ${place}; } }`)
  const locations = GROUPS.map(({ name }) => `location = /${name} { proxy_pass http://${name}; }`)
  return `
    ${GROUPS.map(upstreamOf).join('\n')}
    ${origins.join('\n')}
    server {
      listen 127.0.0.1:${port};
      keepalive_requests 100000;
      set_real_ip_from 127.0.0.1;
      real_ip_header X-Real-IP;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${locations.join('\n')}
    }`
}

/** Which origin nginx sends a request to. */
function ask(group: string, fields: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path: `/${group}`, agent, headers: fields }, response => {
      let text = ''
      response.setEncoding('latin1')
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Number(text))
        else reject(new Error(`${group}: ${response.statusCode}`))
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** All keys asked for, in lanes, in any order. */
async function askAll(group: string, field: string, keys: readonly string[]): Promise<number[]> {
  const places = new Array<number>(keys.length)
  const left = keys.entries()
  const lane = async (): Promise<void> => {
    for (const [index, key] of left) places[index] = await ask(group, { [field]: key })
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return places
}

function groupOf(wanted: string): Group {
  return GROUPS.find(({ name }) => name === wanted)!
}

function membersOf(wanted: string): Members {
  const all = groupOf(wanted)
  const { weights, down } = all
  const members = new Members(
    weights.map((weight, column) => {
      const server = serverOf(all, column)
      return { column, weight, server, name: server }
    }),
  )
  members.update(
    Uint8Array.from(weights, (_, place) => (down.includes(place) ? 0 : 1)),
    Float64Array.from(weights),
  )
  return members
}

function choices(balancer: Balancer, keys: readonly string[]): number[] {
  return keys.map(key => balancer.pick(key, null, 0))
}

/** Where keys end up after one endpoint or the other has refused. */
function acceptedChoices(balancer: Balancer, wanted: string, keys: readonly string[]): number[] {
  const { refusing, weights } = groupOf(wanted)
  return keys.map(key => {
    const tried = new Uint8Array(weights.length)
    let place = balancer.pick(key, null, 0)
    while (refusing.includes(place)) {
      tried[place] = 1
      place = balancer.pick(key, tried, 0)
    }
    return place
  })
}

function byte(): number {
  return Math.floor(dice.roll() * 256)
}

beforeAll(async () => {
  const folder = stack.use(await temporaryFolder())
  const refusing = [stack.use(await refusingPort()), stack.use(await refusingPort())]
  refusingPorts = refusing.map(({ port: refused }) => refused)
  const ports = new Set<number>()
  while (ports.size <= UNIX) ports.add(await freePort())
  const [own, ...others] = ports
  port = own!
  servers = [...others.map(other => `127.0.0.1:${other}`), `unix:${folder.file('origin.sock')}`]
  stack.use(await nginxProcess(folder, configuration(), port))
})

afterAll(async () => {
  agent.destroy()
  await stack.disposeAsync()
})

describe('hash', () => {
  const keys = Array.from({ length: KEYS }, (_, index) => {
    const kinds = [
      `${index}`,
      `/articles/${byte()}/${index}?page=${byte()}`,
      `session=${dice.roll()}`,
      `k${'é'.repeat(index % 9)}`,
    ]
    return kinds[index % kinds.length]!
  })

  it.each(['hash', 'hash-down'])(
    'chooses the endpoint that nginx chooses, for every one of 1,000 keys: %s',
    async group => {
      const expected = await askAll(group, 'X-Key', keys)
      expect(choices(new Ketama(membersOf(group)), keys)).toEqual(expected)
      expect(new Set(expected).size).toBe(group === 'hash' ? 6 : 4)
    },
  )

  it('takes turns for requests without a key, as nginx does', async () => {
    const expected: number[] = []
    for (let count = 0; count < 36; count += 1) expected.push(await ask('hash', {}))
    expect(choices(new Ketama(membersOf('hash')), new Array<string>(36).fill(''))).toEqual(expected)
  })

  it('goes on as nginx does where an endpoint refuses', async () => {
    const expected = await askAll('hash-refused', 'X-Key', keys)
    expect(acceptedChoices(new Ketama(membersOf('hash-refused')), 'hash-refused', keys)).toEqual(expected)
  })
})

describe('ip_hash', () => {
  const ipv4 = Array.from({ length: KEYS }, () => `${1 + (byte() % 200)}.${byte()}.${byte()}.${byte()}`)
  const ipv6 = Array.from({ length: KEYS }, () => {
    const groups = Array.from({ length: 8 }, () => ((byte() << 8) | byte()).toString(16))
    return dice.roll() < 0.5 ? groups.join(':') : `${groups.slice(0, 3).join(':')}::${groups.slice(5).join(':')}`
  })

  it.each(['ip', 'ip-down'])(
    'chooses the endpoint that nginx chooses, for every one of 1,000 IPv4 addresses: %s',
    async group => {
      const expected = await askAll(group, 'X-Real-IP', ipv4)
      expect(choices(new IpHash(membersOf(group)), ipv4)).toEqual(expected)
      expect(new Set(expected).size).toBe(group === 'ip' ? 6 : 4)
    },
  )

  it.each(['ip', 'ip-down'])(
    'chooses the endpoint that nginx chooses, for every one of 1,000 IPv6 addresses: %s',
    async group => {
      const expected = await askAll(group, 'X-Real-IP', ipv6)
      expect(choices(new IpHash(membersOf(group)), ipv6)).toEqual(expected)
      expect(new Set(expected).size).toBe(group === 'ip' ? 6 : 4)
    },
  )
})

describe('round robin', () => {
  const groups = GROUPS.filter(({ method }) => method === '').map(({ name, weights }) => ({ name, weights }))

  it.each(groups)('goes round in the sequence of nginx: $weights', async ({ name, weights }) => {
    const picks = 2 * weights.reduce((sum, weight) => sum + weight, 0)
    const expected: number[] = []
    for (let count = 0; count < picks; count += 1) expected.push(await ask(name, {}))
    const balancer = new RoundRobin(membersOf(name))
    expect(choices(balancer, new Array<string>(picks).fill(''))).toEqual(expected)
  })
})
