/**
 * What a route asks of a request beside host and path, and what a split asks before a target takes one. The same objects
 * decide and explain.
 */
import { grpcKindOf, mediaType, NOT_GRPC } from '../http/grpc-kind.ts'
import { AddressBlocks } from '../shared/address-blocks.ts'
import type { Condition } from '../snapshot.ts'
import { certificateValues } from './client-certificate.ts'
import { compileHost } from './host-pattern.ts'
import { compilePath } from './path-pattern.ts'
import type { RoutedRequest } from './request.ts'
import { schemeOf } from './scheme.ts'
import { compileTextTest, quoted } from './text-test.ts'

export interface ConditionExplanation {
  readonly holds: boolean
  /** What was wanted and what was found where it does not hold, what was found where it does. */
  readonly text: string
}

export interface CompiledCondition {
  /** Statements about one thing that it is made of: the more, the more specific. */
  readonly leaves: number
  holds(request: RoutedRequest): boolean
  explain(request: RoutedRequest): ConditionExplanation
}

/** All of them. None at all holds always. */
export function compileConditions(conditions: readonly Condition[]): CompiledCondition {
  const [only] = conditions
  if (only !== undefined && conditions.length === 1) return compileCondition(only)
  return new All(conditions.map(compileCondition))
}

export function compileCondition(condition: Condition): CompiledCondition {
  switch (condition.kind) {
    case 'method':
      return methodLeaf(condition.methods)
    case 'header':
    case 'query':
    case 'cookie':
      return fieldLeaf(condition)
    case 'client_ip':
      return addressLeaf(condition.blocks)
    case 'content_type':
      return contentTypeLeaf(condition.types)
    case 'grpc':
      return GRPC_LEAF
    case 'client_cert':
      return certificateLeaf(condition)
    case 'scheme':
      return schemeLeaf(condition.scheme)
    case 'host':
      return hostLeaf(condition)
    case 'path':
      return pathLeaf(condition)
    case 'all':
      return compileConditions(condition.conditions)
    case 'any':
      return new Any(condition.conditions.map(compileCondition))
    case 'not':
      return new Not(compileCondition(condition.condition))
  }
}

interface LeafParts {
  /** What it is about. */
  readonly subject: string
  readonly wanted: string
  holds(request: RoutedRequest): boolean
  found(request: RoutedRequest): string
}

class Leaf implements CompiledCondition {
  readonly leaves = 1
  readonly #parts: LeafParts

  constructor(parts: LeafParts) {
    this.#parts = parts
  }

  holds(request: RoutedRequest): boolean {
    return this.#parts.holds(request)
  }

  explain(request: RoutedRequest): ConditionExplanation {
    const { subject, wanted } = this.#parts
    const holds = this.holds(request)
    const found = this.#parts.found(request)
    return { holds, text: holds ? `${subject}: found ${found}` : `${subject}: wanted ${wanted}, found ${found}` }
  }
}

function methodLeaf(methods: readonly string[]): CompiledCondition {
  return new Leaf({
    subject: 'method',
    wanted: methods.join(' or '),
    holds: request => methods.includes(request.method),
    found: request => request.method,
  })
}

function fieldLeaf({
  kind,
  name,
  test,
}: Extract<Condition, { kind: 'header' | 'query' | 'cookie' }>): CompiledCondition {
  const { text, holds } = compileTextTest(test)
  return new Leaf({
    subject: `${kind} ${name}`,
    wanted: text,
    holds: ({ values }) => holds(values[kind](name)),
    found: ({ values }) => values[kind](name).map(quoted).join(', ') || 'none',
  })
}

function addressLeaf(written: readonly string[]): CompiledCondition {
  const blocks = new AddressBlocks(written)
  return new Leaf({
    subject: 'client_ip',
    wanted: written.join(' or '),
    holds: request => blocks.has(request.clientAddress),
    found: request => request.clientAddress,
  })
}

function contentTypeLeaf(types: readonly string[]): CompiledCondition {
  const exact = new Set(types.filter(type => !type.endsWith('/*')))
  const kinds = types.filter(type => type.endsWith('/*')).map(type => type.slice(0, -1))
  return new Leaf({
    subject: 'content_type',
    wanted: types.join(' or '),
    holds: request => {
      const type = contentTypeOf(request)
      return exact.has(type) || kinds.some(kind => type.startsWith(kind))
    },
    found: request => contentTypeOf(request) || 'none',
  })
}

/** In lower case, without parameters; empty for none. */
function contentTypeOf({ values }: RoutedRequest): string {
  const [field = ''] = values.header('content-type')
  return mediaType(field)
}

const GRPC_LEAF: CompiledCondition = new Leaf({
  subject: 'grpc',
  wanted: 'content of type application/grpc or application/grpc-web',
  holds: request => grpcKindOf(contentTypeOf(request)) !== NOT_GRPC,
  found: request => contentTypeOf(request) || 'none',
})

function certificateLeaf({ part, test }: Extract<Condition, { kind: 'client_cert' }>): CompiledCondition {
  const { text, holds } = compileTextTest(test)
  return new Leaf({
    subject: `client_cert ${part}`,
    wanted: text,
    holds: request => holds(certificateValues(request, part)),
    found: request => certificateValues(request, part).map(quoted).join(', ') || 'none',
  })
}

function schemeLeaf(scheme: string): CompiledCondition {
  return new Leaf({
    subject: 'scheme',
    wanted: scheme,
    holds: request => schemeOf(request) === scheme,
    found: schemeOf,
  })
}

function hostLeaf(condition: Extract<Condition, { kind: 'host' }>): CompiledCondition {
  const hosts = condition.hosts.map(compileHost)
  return new Leaf({
    subject: 'host',
    wanted: hosts.map(host => host.text).join(' or '),
    holds: request => hosts.some(host => host.matches(request.host)),
    found: request => request.host || 'none',
  })
}

function pathLeaf(condition: Extract<Condition, { kind: 'path' }>): CompiledCondition {
  const path = compilePath(condition.path)
  return new Leaf({
    subject: 'path',
    wanted: path.text,
    holds: request => path.matches(request.path),
    found: request => request.path,
  })
}

class All implements CompiledCondition {
  readonly leaves: number
  readonly #parts: readonly CompiledCondition[]

  constructor(parts: readonly CompiledCondition[]) {
    this.leaves = sumOfLeaves(parts)
    this.#parts = parts
  }

  holds(request: RoutedRequest): boolean {
    for (const part of this.#parts) if (!part.holds(request)) return false
    return true
  }

  /** The first that does not hold stands for all. */
  explain(request: RoutedRequest): ConditionExplanation {
    const parts = this.#parts.map(part => part.explain(request))
    return parts.find(part => !part.holds) ?? { holds: true, text: parts.map(part => part.text).join(' and ') }
  }
}

class Any implements CompiledCondition {
  readonly leaves: number
  readonly #parts: readonly CompiledCondition[]

  constructor(parts: readonly CompiledCondition[]) {
    this.leaves = sumOfLeaves(parts)
    this.#parts = parts
  }

  holds(request: RoutedRequest): boolean {
    for (const part of this.#parts) if (part.holds(request)) return true
    return false
  }

  explain(request: RoutedRequest): ConditionExplanation {
    const parts = this.#parts.map(part => part.explain(request))
    const holding = parts.find(part => part.holds)
    return holding ?? { holds: false, text: `none of (${parts.map(part => part.text).join('; ')})` }
  }
}

class Not implements CompiledCondition {
  readonly leaves: number
  readonly #part: CompiledCondition

  constructor(part: CompiledCondition) {
    this.leaves = part.leaves
    this.#part = part
  }

  holds(request: RoutedRequest): boolean {
    return !this.#part.holds(request)
  }

  explain(request: RoutedRequest): ConditionExplanation {
    const { holds, text } = this.#part.explain(request)
    return { holds: !holds, text: `not (${text})` }
  }
}

function sumOfLeaves(parts: readonly CompiledCondition[]): number {
  return parts.reduce((sum, part) => sum + part.leaves, 0)
}
