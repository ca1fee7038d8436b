import { GET, verifyContent } from '../frame/http-request.ts'
import { idleScenario } from '../frame/idle-scenario.ts'
import { CONNECTIONS, PLAIN, type Scenario } from '../frame/scenario.ts'
import { Wrk } from '../load/wrk.ts'
import { contentOf, SMALL } from '../origins/content.ts'

export const scenario: Scenario = idleScenario({
  name: 'idle-connections',
  title: '10,000 idle connections',
  variant: PLAIN,
  isHttp2: false,
  verify: ({ port }) => verifyContent(GET, port, contentOf(SMALL)),
  load: stage => {
    const wrk = new Wrk(GET, CONNECTIONS, stage)
    return ({ port }, seconds) => wrk.run(port, seconds)
  },
})
