// The map in numbers: what a sentence and a table tell of the cells in sight.
import { address, get } from "../api";
import type { Box, Variable } from "./contract";
import { spread, toShown } from "./display";
import type { Grid } from "./grid";
import type { Side } from "./layer";

export interface Summary {
  cells: number;
  low: number;
  median: number;
  high: number;
}

export interface Line {
  lat: number;
  lon: number;
  value: number;
  sd: number | null;
}

/** Cells in the box that have a value, in the unit shown. */
export function lines(side: Side, box: Box, row: Variable): Line[] {
  const out: Line[] = [];
  for (const cell of side.grid.within(box)) {
    const at = cell.row * side.grid.cols + cell.col;
    const value = side.value[at];
    if (!Number.isFinite(value)) continue;
    const sd = side.sd?.[at];
    const [lon, lat] = side.grid.centre(cell);
    out.push({ lat, lon, value: toShown(row, value), sd: sd === undefined || !Number.isFinite(sd) ? null : spread(row, sd) });
  }
  return out;
}

interface Told {
  lat: number[];
  lon: number[];
  value: (number | null)[][];
  sd: (number | null)[][] | null;
  minimum: number | null;
  median: number | null;
  maximum: number | null;
}

/** Cells of a large product in the box, every n-th row and column of them, and least, middle and greatest of all. */
export interface Sample {
  lines: Line[];
  every: number;
  ends: [low: number, middle: number, high: number] | null;
}

const ROWS = 1600;

/** The product's own cells as the server tells them: on the map there may be means of many. */
export async function sample(product: string, row: Variable, date: string, grid: Grid, box: Box, signal: AbortSignal): Promise<Sample> {
  const [west, south, east, north] = box;
  const cells = (Math.min(360, east - west) / grid.dlon) * Math.abs((north - south) / grid.dlat);
  const every = Math.max(1, Math.min(1000, Math.ceil(Math.sqrt(Math.min(cells, grid.rows * grid.cols) / ROWS))));
  const turned = (x: number) => ((((x + 180) % 360) + 360) % 360) - 180;
  const sight = east - west >= 360 ? [-180, south, 180, north] : [turned(west), south, turned(east), north];
  const query = { variable: row.name, time: date, bbox: sight.map((x) => x.toFixed(5)).join(","), thin: every };
  const told = await get<Told>(address(`/api/products/${product}/step`, query), signal);
  const lines = told.lat.flatMap((lat, i) => told.lon.flatMap((lon, j): Line[] => {
    const [value, sd] = [told.value[i][j], told.sd?.[i][j] ?? null];
    return value === null ? [] : [{ lat, lon: turned(lon), value: toShown(row, value), sd: sd === null ? null : spread(row, sd) }];
  }));
  const ends = told.minimum === null ? null : [told.minimum, told.median, told.maximum].map((x) => toShown(row, x as number));
  return { lines, every, ends: ends as Sample["ends"] };
}

/** Count, least, middle and greatest value in the box; null where nothing is in sight. */
export function summary(side: Side, box: Box, row: Variable): Summary | null {
  const found: number[] = [];
  for (const cell of side.grid.within(box)) {
    const value = side.value[cell.row * side.grid.cols + cell.col];
    if (Number.isFinite(value)) found.push(value);
  }
  if (!found.length) return null;
  const sorted = Float64Array.from(found).sort();
  const at = (share: number) => toShown(row, sorted[Math.round(share * (sorted.length - 1))]);
  return { cells: sorted.length, low: at(0), median: at(0.5), high: at(1) };
}
