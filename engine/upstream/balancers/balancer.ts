/** What every balancer can do. Each has a file of its own in this folder; `create.ts` knows them all. */
export interface Balancer {
  /**
   * The place (in `Members`) of a member that is available and not excluded, or -1 when there is none. Never waits,
   * never throws.
   *
   * @param key What hash balancers spread by, as latin1 text: the value of a field, a path, the client's address (for
   *   `ip_hash` without port). Empty for balancers that do not spread by a key.
   * @param excluded 1 for each member that was tried already or is full; `null` for none, the usual case.
   * @param nowMs `performance.now()`, read by the caller.
   */
  pick(key: string, excluded: Uint8Array | null, nowMs: number): number
}
