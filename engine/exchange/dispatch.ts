/** Where a request goes whose head is whole, whatever protocol it came by. */
import type { RoutedRequest } from '../routing/request.ts'
import type { ErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { ListenerRoutes } from './generation.ts'
import { callOf } from './grpc/call.ts'

/** Starts the exchange, or gives the error that the request is to be refused with. `request` has begun. @hotpath */
export function dispatch(exchange: Exchange, routes: ListenerRoutes, request: RoutedRequest): ErrorCode | '' {
  const { settings, httpsRedirect, router } = routes
  if (httpsRedirect !== null) {
    // Nobody knows where else it could be.
    if (request.host === '') return 'request_malformed'
    exchange.start(httpsRedirect, request)
    return ''
  }
  if (!request.readPath(settings.paths)) return 'request_path'
  const route = router.find(request)
  if (request.isOverlong) {
    exchange.grpc = callOf(request)
    return 'request_head_too_large'
  }
  exchange.start(route, request)
  return ''
}
