/**
 * What the workers share of one socket's limits on new connections: who has how many of them open, and how many may still come
 * in this second. One piece of memory for each socket, for as long as it lives.
 */
export function createIntakeMemory(_workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(64)
}
