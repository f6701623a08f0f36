// Colour tables, 256 colours each, those of the server's tiles and the bulletin.
import tables from "#colours";

export type Rgb = [number, number, number];
const known = tables as unknown as Record<string, Rgb[]>;

export const NAMES = Object.keys(known);

export function table(name: string): Rgb[] {
  return known[name] ?? known.viridis;
}

/** Number of the colour of a value; the shader and the server's tiles round alike. */
export function place(value: number, [low, high]: [number, number]): number {
  const share = (value - low) / (high - low);
  return Math.max(0, Math.min(255, Math.round(share * 255)));
}

export function css([r, g, b]: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

export function diverging(name: string): boolean {
  return /^(RdBu|BrBG)/.test(name);
}

/** A range even about zero, for tables whose middle means nothing happened. */
export function even([low, high]: [number, number]): [number, number] {
  const far = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return [-far, far];
}

/** A range of round numbers that holds the given one: 1, 2, 2.5 or 5 times a power of ten a tick. */
export function rounded([low, high]: [number, number]): [number, number] {
  const step = tick(high - low || Math.abs(high) || 1);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step].map(clean) as [number, number];
}

function tick(span: number): number {
  const base = 10 ** Math.floor(Math.log10(span / 5));
  return base * ([1, 2, 2.5, 5, 10].find((m) => m * base >= span / 5) ?? 10);
}

const clean = (x: number) => Number(x.toPrecision(10));

/** Four to seven round numbers of a colour bar. */
export function ticks([low, high]: [number, number]): number[] {
  const step = tick(high - low || 1);
  const out: number[] = [];
  for (let x = Math.ceil(low / step - 1e-9) * step; x <= high + step * 1e-9; x += step) out.push(clean(x));
  return out;
}
