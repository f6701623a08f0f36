// What can be drawn of a table: which columns are time, place and numbers, and how numbers are spread.

export interface SheetColumn {
  name: string;
  unit: string;
  type: string;
  description: string;
}

export type Cell = string | number | null;

export interface Sheet {
  columns: SheetColumn[];
  rows: Cell[][];
  total: number;
  offset: number;
}

export interface Spot {
  lat: number;
  lon: number;
  value: number | null;
  row: number;
}

export interface Bar {
  low: number;
  high: number;
  count: number;
}

const TIMES = ["time", "date", "datetime", "timestamp"];
const PLACES = ["lat", "latitude", "lon", "longitude"];
const EDGES = ["top", "bottom", "depth"];

/** The place of a column among several names, whatever its capitals; -1 for none. */
export function column(sheet: Sheet, names: readonly string[]): number {
  return sheet.columns.findIndex((c) => names.includes(c.name.toLowerCase()));
}

/** A cell as a number; null where it is none. */
export function number(cell: Cell | undefined): number | null {
  if (cell === null || cell === undefined || cell === "") return null;
  const value = Number(cell);
  return Number.isFinite(value) ? value : null;
}

/** Columns of numbers that are worth a picture, the measured ones first: not place, not time, not edges of layers. */
export function quantities(sheet: Sheet): number[] {
  const found = sheet.columns
    .map((c, at) => ({ at, name: c.name.toLowerCase() }))
    .filter(({ name }) => ![...TIMES, ...PLACES].includes(name))
    .filter(({ at }) => sheet.rows.some((row) => number(row[at]) !== null))
    .filter(({ at }) => sheet.rows.every((row) => row[at] === null || row[at] === "" || number(row[at]) !== null));
  const last = (name: string) => (EDGES.includes(name) || name.endsWith("_sd") ? 1 : 0);
  return found.sort((a, b) => last(a.name) - last(b.name)).map(({ at }) => at);
}

/** Rows in the order of their time, where at least three different times are told; null otherwise. */
export function inTime(sheet: Sheet, at: number): { time: string[]; value: (number | null)[] } | null {
  const clock = column(sheet, TIMES);
  if (clock < 0) return null;
  const rows = sheet.rows
    .filter((row) => typeof row[clock] === "string" && !Number.isNaN(Date.parse(row[clock])))
    .sort((a, b) => Date.parse(a[clock] as string) - Date.parse(b[clock] as string));
  if (new Set(rows.map((row) => row[clock])).size < 3) return null;
  return { time: rows.map((row) => row[clock] as string), value: rows.map((row) => number(row[at])) };
}

/** Points with a place; `value` is null where the cell is empty. */
export function inSpace(sheet: Sheet, at: number): Spot[] {
  const [lat, lon] = [column(sheet, ["lat", "latitude"]), column(sheet, ["lon", "longitude"])];
  if (lat < 0 || lon < 0) return [];
  return sheet.rows.flatMap((row, n) => {
    const [y, x] = [number(row[lat]), number(row[lon])];
    return y === null || x === null ? [] : [{ lat: y, lon: x, value: number(row[at]), row: n }];
  });
}

/** How often values fall into equal classes: about as many classes as the root of their number, 5 to 30. */
export function histogram(values: number[]): Bar[] {
  if (!values.length) return [];
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  if (low === high) return [{ low, high, count: values.length }];
  const count = Math.max(5, Math.min(30, Math.ceil(Math.sqrt(values.length))));
  const width = (high - low) / count;
  const bars = Array.from({ length: count }, (_, n) => ({ low: low + n * width, high: low + (n + 1) * width, count: 0 }));
  for (const value of values) bars[Math.min(count - 1, Math.floor((value - low) / width))].count++;
  return bars;
}
