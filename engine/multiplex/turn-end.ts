/** What is put together during a turn of the loop leaves at its end, when all sockets that had something were read. */

export interface TurnEnd {
  /** Must not throw. */
  turnEnds(): void
}

let waiting: TurnEnd[] = []
let next: TurnEnd[] = []

/** Calls `turnEnds` when the turn ends, once for each call. @hotpath */
export function atEndOfTurn(what: TurnEnd): void {
  if (waiting.length === 0) setImmediate(endTurn)
  waiting.push(what)
}

function endTurn(): void {
  const ending = waiting
  waiting = next
  for (const what of ending) what.turnEnds()
  ending.length = 0
  next = ending
}
