import type { PathMatch } from '../../engine/snapshot.ts'
import { accepted, type Parsed, quote, refused } from './parsed.ts'

/** What gRPC calls things, as a configuration writes it. */

const SERVICE = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/
const NAME_MAX = 1000
const METHOD = /^[A-Za-z_]\w*$/

/** `package.Service`. */
export function parseGrpcService(text: string): Parsed<string> {
  if (text.length > NAME_MAX) return refused(`must be at most ${NAME_MAX} characters`)
  if (SERVICE.test(text)) return accepted(text)
  const [, service, method] = /^\/?([\w.]+)\/(\w+)$/.exec(text) ?? []
  const hint =
    service === undefined ? serviceHint(text) : `write service: ${service} and method: ${method}, each with its key`
  return refused(`${quote(text)} is not the name of a service`, hint)
}

function serviceHint(text: string): string {
  if (text.includes('*'))
    return 'leave the key out for all services; for those of a package write a path: ~^/package[.]'
  return 'such as helloworld.Greeter'
}

export function parseGrpcMethod(text: string): Parsed<string> {
  if (METHOD.test(text)) return accepted(text)
  const hint = text.includes('*') ? 'leave the key out for all methods' : 'such as SayHello'
  return refused(`${quote(text)} is not the name of a method`, hint)
}

/** The paths of what is asked for. */
export function grpcPath({
  service,
  method,
}: {
  service?: string | undefined
  method?: string | undefined
}): PathMatch {
  if (service !== undefined && method !== undefined) return { kind: 'exact', path: `/${service}/${method}` }
  if (service !== undefined) return { kind: 'prefix', path: `/${service}/` }
  if (method === undefined) return { kind: 'prefix', path: '/' }
  return { kind: 'template', segments: [{ name: 'service' }, method], rest: false }
}
