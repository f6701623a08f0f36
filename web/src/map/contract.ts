// What the portal's gridded API answers and what the map tells its panels.

export type Box = [west: number, south: number, east: number, north: number];
export type Position = [lon: number, lat: number];

export interface Variable {
  name: string;
  title: string;
  unit: string;
  sign: string;
  standard_name: string;
  kind: "flux" | "stock" | "state";
  /** Name of the variable that holds the standard deviation, or "". */
  sd: string;
  members: boolean;
  /** Robust low and high, in `unit`. */
  span: [number, number];
  /** Name of the colour table; `diverging` where its middle is zero. */
  colours: string;
  diverging: boolean;
  /** How people read it: number shown = value × factor + offset. */
  shown: { unit: string; factor: number; offset: number };
}

export interface Source {
  id: string;
  title: string;
  licence: string;
  generated: boolean;
  href: string;
}

export interface Product {
  id: string;
  title: string;
  family: string;
  generated: boolean;
  licence: string;
  created: string;
  /** The newest product of the family; may be itself. */
  latest: string;
  period: [string, string];
  steps: number;
  bbox: Box;
  /** Degrees of latitude and of longitude. */
  resolution: [number, number];
  variables: Variable[];
  /** The beginning of the hash of its content: made anew, a product keeps its id and has another edition. */
  edition: string;
  /** Coarser maps, each half as fine as the one before. */
  levels: number;
  /** Where the raw Zarr of this edition stands: frames lie under {zarr}/map/{variable}. */
  zarr: string;
  /** Where its tiles stand: {tiles}/{variable}/{step}/{z}/{x}/{y}.png. */
  tiles: string;
}

export interface Detail extends Product {
  time: string[];
  lat: number[];
  lon: number[];
}

export interface Series {
  time: string[];
  value: (number | null)[];
  sd: (number | null)[] | null;
}

export interface CellSeries extends Series {
  unit: string;
  sign: string;
  cell: { lat: number; lon: number };
  source: Source;
}

export interface Year {
  /** False where the period holds only a part of the year. */
  whole?: boolean;
  year: number;
  value: number | null;
  sd: number | null;
}

export interface Statistics {
  aggregate: "mean" | "sum";
  series: Series;
  period: { value: number | null; sd: number | null };
  annual: Year[];
  /** The unit of all numbers, and the same as people write it. */
  unit: string;
  label: string;
  sign: string;
  area_m2: number;
  cells: number;
  coverage: number;
  uncertainty: "ensemble" | "bound" | "none";
  members: number;
  source: Source;
}

export interface Region {
  id: string;
  a2: string;
  name: string;
}

export type Mode = "one" | "swipe" | "difference";

/** The whole state of the map: what the permalink holds. Plain and JSON-ready. */
export interface View {
  product: string;
  variable: string;
  /** ISO date of the step shown. */
  time: string;
  centre: Position;
  zoom: number;
  projection: "mercator" | "globe";
  /** What is seen, west south east north. */
  box: Box;
  /** Colour range in the unit shown; null for the variable's own. */
  range: [number, number] | null;
  mode: Mode;
  /** The other product and time of a comparison. */
  other: { product: string; time: string } | null;
  uncertainty: "none" | "fade" | "hatch" | "sd";
  /** Cells with |value| below this many standard deviations are left out; 0 for none. */
  sigmas: number;
  point: Position | null;
  region: string | null;
  polygon: Position[] | null;
}

export interface PanelProps {
  view: View;
  product: Product;
  link: string;
  onclose: () => void;
}
