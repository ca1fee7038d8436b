/** Names of one kind, each with its place in the configuration: what references by name become. */
export type NamePlaces = ReadonlyMap<string, number>

/** What has no name has no place. */
export function placesOf(names: readonly (string | undefined)[]): NamePlaces {
  const places = new Map<string, number>()
  for (const [place, name] of names.entries()) if (name !== undefined) places.set(name, place)
  return places
}

/** The place of a name; that it is there was checked before. */
export function placeOf(name: string | undefined, places: NamePlaces): number {
  const place = name === undefined ? undefined : places.get(name)
  if (place === undefined) throw new Error(`the name ${name} passed the checks`)
  return place
}
