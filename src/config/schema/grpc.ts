import * as z from 'zod'
import { parseGrpcMethod, parseGrpcService } from '../grpc.ts'
import { textOf } from './scalars.ts'

/** What a call asks for. Its path says it: `/package.Service/Method`. */
export const grpcMatch = z.strictObject({
  service: textOf(parseGrpcService, {
    description: 'The service with its package, case and all; absent: any.',
    pattern: '^[A-Za-z_][A-Za-z0-9_.]*$',
    examples: ['shop.v1.Orders'],
  }).optional(),
  method: textOf(parseGrpcMethod, {
    description: 'The method; absent: any.',
    pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
    examples: ['PlaceOrder'],
  }).optional(),
})

export const grpcWeb = z
  .boolean()
  .default(false)
  .describe('Calls of gRPC-Web, as browsers make them, go to the upstream as calls of gRPC; all others as they are.')
