/** The columns of the table of nodes, in their order; the name is always there. */
export const COLUMNS = ['name', 'id', 'hardware', 'role', 'radio', 'mqtt', 'battery', 'snr', 'hops', 'position', 'bridges', 'first'] as const
export type ColumnName = (typeof COLUMNS)[number]

/** What is shown where nothing else was chosen. */
export const USUAL: readonly ColumnName[] = ['name', 'hardware', 'role', 'radio', 'mqtt', 'battery', 'snr', 'hops', 'position', 'bridges']

/** Which nodes are shown. */
export const SHOWS = ['all', 'stations', 'radio', 'mqtt', 'silent', 'changed'] as const
export type Show = (typeof SHOWS)[number]

/** Returns the columns that the URL names, in the order of the table. */
export function columnsOf(text: string | undefined): readonly ColumnName[] {
  if (text === undefined) return USUAL
  const named = text.split('.')
  return COLUMNS.filter((column) => column === 'name' || named.includes(column))
}

/** Writes the columns for the URL; nothing for the usual ones. */
export function columnsText(columns: readonly ColumnName[]): string | undefined {
  const chosen = COLUMNS.filter((column) => columns.includes(column))
  return chosen.join('.') === USUAL.join('.') ? undefined : chosen.join('.')
}
