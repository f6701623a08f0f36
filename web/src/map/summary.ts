// The map in numbers: what a sentence and a table tell of the cells in sight.
import type { Box, Variable } from "./contract";
import { spread, toShown } from "./display";
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
