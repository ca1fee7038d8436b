/** What the path pattern of a route has caught, by name: `{name}` segments, groups, `*` for the rest of a prefix. */
export type Captures = Readonly<Record<string, string>>
