// Two frames against one another, over the cells that both know.
import type { Side } from "./layer";
import { weight } from "./grid";
import type { Box } from "./contract";

export interface Pair {
  x: number;
  y: number;
  weight: number;
}

export interface Relation {
  pairs: Pair[];
  /** Pearson's r, slope and intercept of y on x by least squares, mean of x − y; all weighted by area. NaN under 3 cells. */
  r: number;
  slope: number;
  intercept: number;
  bias: number;
  rmse: number;
}

/** Cells of `one` in the box whose centre lies in a cell of `other` with a value; values through `shown`. */
export function relation(one: Side, other: Side, box: Box, shown: (x: number) => number): Relation {
  const pairs: Pair[] = [];
  for (const cell of one.grid.within(box)) {
    const x = one.value[cell.row * one.grid.cols + cell.col];
    const there = other.grid.cell(one.grid.centre(cell));
    if (!there || !Number.isFinite(x)) continue;
    const y = other.value[there.row * other.grid.cols + there.col];
    if (Number.isFinite(y)) pairs.push({ x: shown(x), y: shown(y), weight: weight(one.grid.lat[cell.row]) });
  }
  return { pairs, ...fitted(pairs) };
}

function fitted(pairs: Pair[]): Omit<Relation, "pairs"> {
  if (pairs.length < 3) return { r: NaN, slope: NaN, intercept: NaN, bias: NaN, rmse: NaN };
  const total = pairs.reduce((sum, p) => sum + p.weight, 0);
  const mean = (of: (p: Pair) => number) => pairs.reduce((sum, p) => sum + p.weight * of(p), 0) / total;
  const [mx, my] = [mean((p) => p.x), mean((p) => p.y)];
  const [vx, vy] = [mean((p) => (p.x - mx) ** 2), mean((p) => (p.y - my) ** 2)];
  const both = mean((p) => (p.x - mx) * (p.y - my));
  const slope = both / vx;
  return { r: both / Math.sqrt(vx * vy), slope, intercept: my - slope * mx, bias: mx - my, rmse: Math.sqrt(mean((p) => (p.x - p.y) ** 2)) };
}

/** A − B over the cells that both know. */
export function differences(one: Side, other: Side): number[] {
  return relation(one, other, [-180, -90, 180, 90], (x) => x).pairs.map((pair) => pair.x - pair.y);
}

/** How far from zero 98 of 100 finite values reach. */
export function reach(values: Iterable<number>): number {
  const sizes = Float64Array.from(values, Math.abs).filter(Number.isFinite).sort();
  return sizes.length ? sizes[Math.floor(0.98 * (sizes.length - 1))] : 0;
}
