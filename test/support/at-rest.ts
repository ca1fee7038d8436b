const LOOK_MS = 25
const LOOKS = 10

/** Resolves with a number that somebody else moves, once it has not moved for so many looks. */
export function atRest(read: () => number): Promise<number> {
  return new Promise(resolve => {
    let before = read()
    let looks = 0
    const timer = setInterval(() => {
      const now = read()
      looks = now === before ? looks + 1 : 0
      before = now
      if (looks < LOOKS) return
      clearInterval(timer)
      resolve(now)
    }, LOOK_MS)
  })
}
