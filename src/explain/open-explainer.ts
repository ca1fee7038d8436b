import { Explainer } from '../../engine/explain/explain.ts'
import { stateAtRest } from '../../engine/explain/state.ts'
import { type Configuration, loadConfiguration } from '../config/load.ts'
import { withoutSecrets } from '../config/masking.ts'

export interface LoadedExplainer extends Disposable {
  readonly configuration: Configuration
  /** Masks secrets of the configuration. */
  readonly explainer: Pick<Explainer, 'explain' | 'explainAny'>
}

/**
 * Explains by a configuration that does not run: all endpoints are taken for well and idle.
 *
 * @throws {ConfigurationError}
 */
export async function openExplainer(path: string | undefined): Promise<LoadedExplainer> {
  const configuration = await loadConfiguration(path)
  const { snapshot, secrets } = configuration
  const explainer = await Explainer.open(stateAtRest(snapshot))
  return {
    configuration,
    explainer: {
      explain: (asked, isWhole) => withoutSecrets(explainer.explain(asked, isWhole), secrets),
      explainAny: asked => withoutSecrets(explainer.explainAny(asked), secrets),
    },
    [Symbol.dispose]: () => explainer.close(),
  }
}
