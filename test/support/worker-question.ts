/** A question to an instrumented worker that begins so wants no records: after a long load there are a million of them. */
export const WITHOUT_RECORDS = 'without records '
