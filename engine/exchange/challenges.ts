/** By what an authority finds out that names lead here (RFC 8555, section 8): what this worker answers just now. */
import type { RoutedRequest } from '../routing/request.ts'
import type { ChallengesSnapshot } from '../snapshot.ts'
import { NO_MESSAGE_EDITS, type StaticAnswer, staticAnswer } from './answer.ts'

/** RFC 8555, section 8.3. */
const FOLDER = '/.well-known/acme-challenge/'

/** A certificate that shows an authority that a name leads here, and nothing else. PEM. */
export interface ChallengeCertificate {
  readonly chain: string
  readonly key: string
}

export class Challenges {
  /** By path; `null` for none, which is nearly always. */
  http: ReadonlyMap<string, StaticAnswer> | null = null
  /** By name, in lower case (RFC 8737); `null` for none. */
  tls: ReadonlyMap<string, ChallengeCertificate> | null = null

  /** These from now on, and no others. */
  set({ http, tls }: ChallengesSnapshot): void {
    this.http = mapOf(http.map(({ token, content }) => [`${FOLDER}${token}`, answerOf(content)]))
    this.tls = mapOf(tls.map(({ name, chain, key }) => [name, { chain, key }]))
  }

  /** What an authority is told that asks for a token; `null` for any other request. Such a path is its own canonical form. */
  answerTo(request: RoutedRequest): StaticAnswer | null {
    return this.http?.get(request.path) ?? null
  }
}

function mapOf<T>(entries: readonly (readonly [string, T])[]): ReadonlyMap<string, T> | null {
  return entries.length === 0 ? null : new Map(entries)
}

function answerOf(content: string): StaticAnswer {
  const fields = [
    ['Content-Type', 'application/octet-stream'],
    ['Cache-Control', 'no-store'],
  ] as const
  return staticAnswer({ status: 200, fields, content: Buffer.from(content, 'latin1') }, NO_MESSAGE_EDITS)
}
