import { PLAIN, type Variant } from './scenario.ts'

/** Of the scenarios with requests pipelined to the origin: who can, beside itself without it and beside nginx. */
export const PIPELINING: { readonly variants: readonly Variant[]; readonly peers: readonly string[] } = {
  variants: [PLAIN, { name: 'pipelining 8', setup: { pipelining: 8 }, needs: ['http1', 'pipelining'] }],
  peers: ['sluice', 'nginx'],
}
