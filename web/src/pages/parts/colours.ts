// Colours of points and legends, from the tables that maps and tiles are drawn with.

import tables from "#colours";

type Table = keyof typeof tables;

/** A few colours of a table from low to high, as CSS reads them; cividis where there is no such table. */
export function ramp(name: string, count = 10): string[] {
  const rows = tables[name in tables ? (name as Table) : "cividis"];
  return Array.from({ length: count }, (_, n) => css(rows[Math.round((n * (rows.length - 1)) / (count - 1))]));
}

/** The colour of a value between low and high in cividis, which people with any colour vision can order. */
export function colour(low: number, high: number, value: number): string {
  const share = high > low ? (value - low) / (high - low) : 0.5;
  return css(tables.cividis[Math.round(Math.max(0, Math.min(1, share)) * 255)]);
}

function css(rgb: number[]): string {
  return `rgb(${rgb.join(" ")})`;
}
