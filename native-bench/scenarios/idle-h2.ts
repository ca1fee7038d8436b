import { verifyOverHttp2 } from '../frame/http2-request.ts'
import { idleScenario } from '../frame/idle-scenario.ts'
import { CONNECTIONS, type Scenario } from '../frame/scenario.ts'
import { H2load } from '../load/h2load.ts'
import { SMALL } from '../origins/content.ts'

export const scenario: Scenario = idleScenario({
  name: 'idle-h2',
  title: '10,000 idle connections of HTTP/2',
  variant: { name: '', setup: { listens: 'h2c' }, needs: ['h2c'] },
  isHttp2: true,
  verify: ({ port }) => verifyOverHttp2(port, false, SMALL),
  load: stage => {
    const load = { isSecure: false, path: SMALL.path, connections: CONNECTIONS, streams: 1 }
    const h2load = new H2load(load, stage)
    return ({ port }, seconds) => h2load.run(port, seconds)
  },
})
