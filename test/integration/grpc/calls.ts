import type { EventEmitter } from 'node:events'
import { type CallOptions, type Client, Metadata, type StatusObject } from '@grpc/grpc-js'
import { EACH, MANY, ONE, SUM } from './echo-service.ts'

/** Calls as promises: of what came, and how it ended. A call that fails ends like any other. */

export interface CallEnd {
  readonly status: StatusObject
  /** Of the head of the response. */
  readonly metadata: Metadata | null
  readonly messages: readonly Buffer[]
}

/** A call under way. */
export interface Call {
  readonly ended: Promise<CallEnd>
  cancel(): void
}

/** What is told of calls of all kinds. */
type AnyCall = Pick<EventEmitter, 'on'>

function watch(call: AnyCall, messages: Buffer[]): Promise<CallEnd> {
  let metadata: Metadata | null = null
  call.on('metadata', (fields: Metadata) => {
    metadata = fields
  })
  call.on('error', () => {})
  return new Promise(resolve => call.on('status', (status: StatusObject) => resolve({ status, metadata, messages })))
}

export interface CallParts {
  readonly metadata?: Metadata
  readonly options?: CallOptions
}

/** One message, one answer. */
export function one(client: Client, message: Buffer, { metadata, options }: CallParts = {}): Call {
  const messages: Buffer[] = []
  const { path, requestSerialize, responseDeserialize } = ONE
  const call = client.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    message,
    metadata ?? new Metadata(),
    options ?? {},
    (_, answer) => {
      if (answer !== undefined) messages.push(answer)
    },
  )
  return { ended: watch(call, messages), cancel: () => call.cancel() }
}

/** Several messages, one answer. */
export async function sum(client: Client, messages: readonly Buffer[]): Promise<CallEnd> {
  const answers: Buffer[] = []
  const { path, requestSerialize, responseDeserialize } = SUM
  const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (_, answer) => {
    if (answer !== undefined) answers.push(answer)
  })
  const ended = watch(call, answers)
  for (const message of messages) {
    if (!call.write(message)) await new Promise(resolve => call.once('drain', resolve))
  }
  call.end()
  return await ended
}

export interface OpenCall extends Call {
  readonly messages: readonly Buffer[]
  pause(): void
  resume(): void
}

/** One message, several answers. */
export function many(client: Client, message: Buffer, { metadata, options }: CallParts = {}): OpenCall {
  const messages: Buffer[] = []
  const { path, requestSerialize, responseDeserialize } = MANY
  const call = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    message,
    metadata ?? new Metadata(),
    options ?? {},
  )
  call.on('data', (answer: Buffer) => messages.push(answer))
  return {
    messages,
    ended: watch(call, messages),
    cancel: () => call.cancel(),
    pause: () => void call.pause(),
    resume: () => void call.resume(),
  }
}

export interface TalkingCall extends Call {
  readonly messages: readonly Buffer[]
  /** Resolves when there is room for another message. */
  send(message: Buffer): Promise<void>
  end(): void
}

/** Messages both ways. */
export function each(client: Client): TalkingCall {
  const messages: Buffer[] = []
  const { path, requestSerialize, responseDeserialize } = EACH
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  call.on('data', (answer: Buffer) => messages.push(answer))
  return {
    messages,
    ended: watch(call, messages),
    cancel: () => call.cancel(),
    async send(message) {
      if (!call.write(message)) await new Promise(resolve => call.once('drain', resolve))
    },
    end: () => call.end(),
  }
}
