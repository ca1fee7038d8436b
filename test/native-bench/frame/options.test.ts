import { describe, expect, it } from 'vitest'
import { BenchFailure } from '../../../native-bench/frame/failure.ts'
import { HELP, parseCommand } from '../../../native-bench/frame/options.ts'

const NAMES = { scenarios: ['h1-bare', 'h1-browser', 'start'], peers: ['sluice', 'nginx', 'haproxy'] }

function parse(line: string) {
  return parseCommand(line === '' ? [] : line.split(' '), NAMES)
}

describe('the command line of the bench', () => {
  it('without options runs everything', () => {
    const settings = {
      scenarios: NAMES.scenarios,
      peers: NAMES.peers,
      rounds: 5,
      seconds: 5,
      origin: 'nginx',
      out: null,
    }
    expect(parse('')).toEqual({ kind: 'run', settings })
  })

  it('chooses scenarios and peers, in the order of the bench, with Sluice in any case', () => {
    expect(parse('--scenario start,h1-bare --peers haproxy --rounds 3 --seconds 2 --out there')).toMatchObject({
      settings: {
        scenarios: ['h1-bare', 'start'],
        peers: ['sluice', 'haproxy'],
        rounds: 3,
        seconds: 2,
        out: 'there',
      },
    })
    expect(parse('--scenario start --scenario h1-bare')).toMatchObject({
      settings: { scenarios: ['h1-bare', 'start'] },
    })
  })

  it('knows its other jobs', () => {
    expect(parse('--help')).toEqual({ kind: 'help' })
    expect(parse('--list')).toEqual({ kind: 'list' })
    expect(parse('--report a.json --out there')).toEqual({ kind: 'report', path: 'a.json', out: 'there' })
    expect(parse('--compare a.json b.json')).toEqual({ kind: 'compare', before: 'a.json', after: 'b.json' })
  })

  it.each([
    ['--scenario h1-brwser', 'there is no scenario "h1-brwser": did you mean "h1-browser"?'],
    ['--scenario tls', 'there is no scenario "tls": there are h1-bare, h1-browser, start'],
    ['--peers ngnix', 'there is no peer "ngnix": did you mean "nginx"?'],
    ['--origin apache', 'there is no origin "apache": there are nginx, uwebsockets'],
    ['--rounds many', '--rounds takes a whole number from 1 to 100, not "many"'],
    ['--rounds 0', '--rounds takes a whole number from 1 to 100, not "0"'],
    ['--seconds 1.5', '--seconds takes a whole number from 1 to 600, not "1.5"'],
    ['--seconds 601', '--seconds takes a whole number from 1 to 600, not "601"'],
    ['--round 3', 'there is no option "--round": did you mean "--rounds"?'],
    ['--rounds', "Option '--rounds <value>' argument missing"],
    ['h1-bare', 'there is no use for "h1-bare" here; see --help'],
    ['--compare a.json', '--compare takes two files: the results before and those after'],
    ['--compare a.json b.json c.json', 'there is no use for "c.json" here; see --help'],
  ])('refuses %s and says why', (line, message) => {
    expect(() => parse(line)).toThrow(new BenchFailure(message))
  })

  it('names every option in its help', () => {
    for (const option of ['scenario', 'peers', 'rounds', 'seconds', 'origin', 'out', 'list', 'report', 'compare']) {
      expect(HELP).toContain(`--${option} `)
    }
  })
})
