import type { ConfigurationInput } from './schema.ts'

/** A configuration that is made when it is read. */
export type ConfigurationFunction = () => ConfigurationInput | Promise<ConfigurationInput>

/**
 * Lets the editor check and complete a configuration that stands by itself, as the default export of `sluice.config.ts`
 * does; it comes back as it is.
 */
export function defineConfig(configuration: ConfigurationFunction): ConfigurationFunction
export function defineConfig(configuration: ConfigurationInput): ConfigurationInput
export function defineConfig(
  configuration: ConfigurationInput | ConfigurationFunction,
): ConfigurationInput | ConfigurationFunction {
  return configuration
}
