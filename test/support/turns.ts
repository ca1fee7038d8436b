/**
 * Lets the event loop go round. What was written to a loopback socket before is in the peer's kernel buffer at once, so
 * a peer in this thread has read it after one whole poll phase. The first turn may be the end of a phase that had begun
 * before, so two are needed; the third is for peers that begin to read a turn after they accepted.
 */
export function turns(count = 3): Promise<void> {
  return new Promise(resolve => {
    let left = count
    const hop = () => {
      left -= 1
      if (left <= 0) resolve()
      else setImmediate(hop)
    }
    setImmediate(hop)
  })
}
