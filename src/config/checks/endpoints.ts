import { formatAddress } from '../../../engine/net/address.ts'
import { parseAddress, parseService } from '../address.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { isMap, mapOf, type Report, type Section } from './written.ts'

export function checkEndpoints(written: readonly unknown[], path: KeyPath, report: Report): void {
  for (const [index, endpoint] of written.entries()) {
    if (isMap(endpoint)) checkEndpoint(endpoint, [...path, index], report)
  }
  const endpoints = written.map(mapOf)
  checkListedOnce(endpoints, path, report)
  checkRoutesOnce(endpoints, path, report)
  if (endpoints.length > 0 && endpoints.every(endpoint => endpoint.backup === true)) {
    report('only-backups', path, 'every endpoint is a backup, and none is there that they could stand in for')
  }
}

function checkEndpoint(endpoint: Section, path: KeyPath, report: Report): void {
  const { address, service, backup } = endpoint
  if (address === undefined && service === undefined) {
    report('missing-key', [...path, 'address'], 'is missing', 'an endpoint has an "address" or a "service"')
  }
  if (address !== undefined && service !== undefined) {
    report('conflicting-keys', [...path, 'service'], 'stands beside "address"', 'an endpoint has one of the two')
  }
  if (service !== undefined && endpoint.weight !== undefined) {
    report(
      'conflicting-keys',
      [...path, 'weight'],
      'the records of the service say what the weights are',
      'leave it out',
    )
  }
  if (backup === true && endpoint.priority !== undefined) {
    report('no-effect', [...path, 'priority'], 'has no effect on a backup', 'give it one of the two')
  }
}

function checkListedOnce(endpoints: readonly Section[], path: KeyPath, report: Report): void {
  const seen = new Set<string>()
  for (const [index, endpoint] of endpoints.entries()) {
    for (const key of ['address', 'service'] as const) {
      const written = endpoint[key]
      if (typeof written !== 'string') continue
      const target = key === 'address' ? addressOf(written) : serviceOf(written)
      if (target === null) continue
      if (seen.has(target)) {
        const hint = key === 'address' ? 'give it a weight instead' : ''
        report('duplicate-item', [...path, index, key], `${quote(written)} is listed twice`, hint)
      }
      seen.add(target)
    }
  }
}

function addressOf(text: string): string | null {
  const parsed = parseAddress(text, 'endpoint')
  return parsed.ok ? formatAddress(parsed.value) : null
}

function serviceOf(text: string): string | null {
  const parsed = parseService(text)
  return parsed.ok ? parsed.value.service : null
}

function checkRoutesOnce(endpoints: readonly Section[], path: KeyPath, report: Report): void {
  const seen = new Set<string>()
  for (const [index, { route }] of endpoints.entries()) {
    if (typeof route !== 'string') continue
    if (seen.has(route))
      report('duplicate-name', [...path, index, 'route'], `another endpoint has the route ${quote(route)} already`)
    seen.add(route)
  }
}
