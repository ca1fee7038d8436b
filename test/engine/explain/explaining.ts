import { Explainer } from '../../../engine/explain/explain.ts'
import type { ExplainRequest, Explanation } from '../../../engine/explain/explanation.ts'
import { stateAtRest } from '../../../engine/explain/state.ts'
import { type TestProxyOptions, testSnapshot } from '../../support/snapshot.ts'

/** A GET for `/` of a.example unless something else is said. */
export function asking(asked: Partial<ExplainRequest> = {}): ExplainRequest {
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'a.example',
    target: '/',
    fields: [],
    from: '192.0.2.1',
    listener: '',
    certificate: null,
    ...asked,
  }
}

/** What is said of a request by a configuration that does not run. */
export async function explained(options: TestProxyOptions, asked: Partial<ExplainRequest> = {}): Promise<Explanation> {
  const explainer = await Explainer.open(stateAtRest(testSnapshot(options)))
  try {
    return explainer.explain(asking(asked))
  } finally {
    explainer.close()
  }
}

export const tcp = (port: number, host = '10.0.0.1') => ({ kind: 'tcp', host, port }) as const
