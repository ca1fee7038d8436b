/** A figure as people read it: three digits that count, thousands set apart. NaN is a dash. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const magnitude = Math.abs(value)
  const decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

/** A figure and its unit. */
export function quantityText(value: number, unit: string): string {
  return unit.startsWith('/') ? `${numberText(value)}${unit}` : `${numberText(value)} ${unit}`
}
