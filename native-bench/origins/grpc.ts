/** The origin of gRPC: nghttpd, whose answers cost little, with a ready message and the trailers of a call that went well. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandPath } from '../../scripts/system-packages.ts'
import { pinned } from '../frame/cores.ts'
import { BenchFailure } from '../frame/failure.ts'
import { accepting, freePort } from '../frame/ports.ts'
import { Program, type Stage } from '../frame/stage.ts'
import { type ReadyOrigin, readyOrigin } from './ready-origin.ts'

const START_TIMEOUT_MS = 5_000

/** The suffix is how nghttpd knows its media type. */
export const GRPC_PATH = '/bench.Echo/Unary.grpc'
export const GRPC_TYPE = 'application/grpc'

const MESSAGE_BYTES = 100

/** A message of gRPC: not compressed, its length, and so many bytes. */
export function grpcMessage(): Buffer {
  const message = Buffer.alloc(5 + MESSAGE_BYTES, 'x')
  message[0] = 0
  message.writeUInt32BE(MESSAGE_BYTES, 1)
  return message
}

export async function startGrpcOrigin(stage: Stage): Promise<ReadyOrigin> {
  const nghttpd = commandPath('nghttpd')
  if (nghttpd === null) throw new BenchFailure('the origin needs nghttpd: sudo apt-get install nghttp2-server')
  const folder = stage.newFolder('grpc-origin')
  mkdirSync(join(folder, 'bench.Echo'))
  writeFileSync(join(folder, GRPC_PATH), grpcMessage())
  writeFileSync(join(folder, 'types'), `${GRPC_TYPE} grpc\n`)
  const port = await freePort()
  const files = ['-d', folder, '--mime-types-file', join(folder, 'types')]
  const args = ['-a', '127.0.0.1', '--no-tls', ...files, '--trailer', 'grpc-status: 0', String(port)]
  const program = new Program(pinned(stage.settings.cores.others, nghttpd, args), 'ignore')
  stage.atEnd(program.kill)
  await accepting(port, START_TIMEOUT_MS, () => (program.hasEnded ? 'the origin does not start' : null))
  return readyOrigin(port, program)
}
