/** Seconds that a session can be taken up again: as long as a key of tickets is accepted after the next has come. */
export const SESSION_SECONDS = 4 * 60 * 60
