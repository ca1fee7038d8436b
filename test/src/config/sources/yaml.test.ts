import { describe, expect, test } from 'vitest'
import { readYaml } from '../../../../src/config/sources/yaml.ts'

const said = (text: string) => readYaml(text, 'a.yaml').findings.map(finding => `${finding.code}: ${finding.message}`)

/** `levels` lists inside each other, with `inner` in the last. */
const nested = (levels: number, inner: string) => `${'['.repeat(levels)}${inner}${']'.repeat(levels)}`

describe('aliases', () => {
  test('count with the levels of what they stand for', () => {
    const text = (levels: number) => `a: &a ${nested(30, '1')}\nb: ${nested(levels, '*a')}\n`
    expect(said(text(33))).toEqual([])
    expect(said(text(34))).toEqual(['too-large: maps and lists are nested more than 64 deep'])
  })

  test('of aliases never nest deeper than a file may, however many there are', () => {
    const lines = Array.from(
      { length: 2000 },
      (_, index) => `k${index + 1}: &k${index + 1} ${nested(50, `*k${index}`)}`,
    )
    const { value, findings } = readYaml(`k0: &k0 1\n${lines.join('\n')}\n`, 'a.yaml')
    expect(findings.length).toBeGreaterThan(0)
    expect(() => JSON.stringify(value)).not.toThrow()
  })

  test('of a map that is merged count with its levels', () => {
    const text = (levels: number) => `a: &a { x: ${nested(40, '1')} }\nb: ${nested(levels, '{ <<: *a }')}\n`
    expect(said(text(22))).toEqual([])
    expect(said(text(23))).toContain('too-large: maps and lists are nested more than 64 deep')
  })
})
