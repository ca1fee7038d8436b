import type { Stage } from '../frame/stage.ts'
import { startNginxOrigin } from './nginx.ts'
import type { ReadyOrigin } from './ready-origin.ts'
import { startUWebSocketsOrigin } from './uwebsockets.ts'

/** The one that the run was asked to use. */
export function startOrigin(stage: Stage): Promise<ReadyOrigin> {
  return stage.settings.origin === 'nginx' ? startNginxOrigin(stage) : startUWebSocketsOrigin(stage)
}
