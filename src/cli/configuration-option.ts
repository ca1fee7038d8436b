import { Option } from 'commander'

/** The option that names the configuration file, the same for every command. */
export function configurationOption(): Option {
  return new Option('-c, --config <FILE>', 'the configuration, YAML or JSON').default('sluice.yaml')
}
