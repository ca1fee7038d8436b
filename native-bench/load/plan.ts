/** What the station is told to do, and what it tells: plain data, since it goes between processes. */
import type { HttpRequest } from '../frame/http-request.ts'
import type { CurvePoint } from '../frame/results.ts'

export type Work =
  | {
      readonly kind: 'http'
      readonly request: HttpRequest
      /** Of each answer, which is to be a 200. */
      readonly answerBytes: number
      /** Whether each request has a connection of its own. */
      readonly closes: boolean
    }
  | { readonly kind: 'websocket'; readonly payloadBytes: number }
  /** A connection is a port of the load's own. */
  | { readonly kind: 'datagram'; readonly payloadBytes: number }

export interface LoadPlan {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Units due in a second, evenly; null is as many as go, each connection with one on its way. */
  readonly rate: number | null
  readonly work: Work
}

export interface StationReport {
  /** What was done in full. */
  readonly units: number
  readonly seconds: number
  /** Due and not done at the end: they are in the latencies with the age they had. */
  readonly unfinished: number
  readonly curve: readonly CurvePoint[]
}

export type StationOrder =
  | { readonly kind: 'load'; readonly plan: LoadPlan }
  | { readonly kind: 'hold'; readonly port: number; readonly connections: number; readonly isHttp2: boolean }
  | { readonly kind: 'release' | 'received' }

export type StationAnswer =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'report'; readonly report: StationReport }
  | { readonly kind: 'held' | 'released' }
  | { readonly kind: 'received'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly reason: string }

/** Where latency is read off: enough for a curve, and the three that tables have. */
export const PERCENTILES: readonly number[] = [0, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.99, 100]
