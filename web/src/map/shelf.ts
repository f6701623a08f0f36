// The products that the server has, each opened once.
import { get } from "../api";
import type { Detail, Product, Variable } from "./contract";
import { Frames } from "./frames";
import { Grid } from "./grid";

export interface Opened {
  detail: Detail;
  grid: Grid;
  frames: Frames;
}

const opened = new Map<string, Promise<Opened>>();
let listed: Promise<Product[]> | undefined;

/** Every product, newest first. */
export function products(): Promise<Product[]> {
  listed ??= get<Product[]>("/api/products").then((rows) => rows.toSorted((a, b) => b.created.localeCompare(a.created)));
  listed.catch(() => (listed = undefined));
  return listed;
}

export function open(id: string): Promise<Opened> {
  let found = opened.get(id);
  if (!found) {
    found = get<Detail>(`/api/products/${encodeURIComponent(id)}`).then((detail) => {
      const grid = new Grid(detail.lat, detail.lon);
      return { detail, grid, frames: new Frames(`${detail.zarr}/map`, grid, detail.time.length, detail.levels) };
    });
    found.catch(() => opened.delete(id));
    opened.set(id, found);
  }
  return found;
}

/** A product that was made anew is opened once more. */
export function reopen(id: string): Promise<Opened> {
  opened.delete(id);
  listed = undefined;
  return open(id);
}

export function variable(product: Product, name: string): Variable {
  return product.variables.find((row) => row.name === name) ?? product.variables[0];
}

/** The step that begins last before, or at, a date: '2003-07' finds July in a monthly product. */
export function stepOf(time: string[], date: string): number {
  let [low, high] = [0, time.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (time[middle].slice(0, date.length) <= date) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Steps in a year, at least one. */
export function perYear(time: string[]): number {
  if (time.length < 2) return 1;
  const days = (Date.parse(time[time.length - 1]) - Date.parse(time[0])) / 864e5 / (time.length - 1);
  return Math.max(1, Math.round(365.25 / days));
}
