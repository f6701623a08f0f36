// Stations as the portal tells of them.

export type Domain = "ecosystem" | "atmosphere" | "ocean";
export const DOMAINS: readonly Domain[] = ["ecosystem", "atmosphere", "ocean"];
export const RESOLUTIONS = ["native", "day", "month", "year"] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export interface Coverage {
  variable: string;
  expected: number | null;
  present: number;
  good: number;
}

export interface Summary {
  id: string;
  station: string;
  name: string;
  domain: Domain;
  title: string;
  place: {
    latitude?: number | null;
    longitude?: number | null;
    elevation?: number | null;
    intake_height?: number | null;
    /** Hours of local standard time from UTC. */
    utc_offset?: number | null;
  };
  bbox: number[] | null;
  period: string[];
  interval: string;
  variables: { name: string; title: string; unit: string }[];
  coverage: Coverage[];
  licence: string;
  created: string;
  generated: boolean;
}

export interface Measured {
  name: string;
  title: string;
  unit: string;
  sign: string;
  resolutions: Partial<Record<Resolution, { steps: number; present: number; uncertainty: string; product: string }>>;
}

export interface Station extends Omit<Summary, "variables"> {
  variables: Measured[];
  coverage_by_year: (Coverage & { year: number })[];
  quality: { variable: string; flag: string; count: number }[];
  headlines: { name: string; value: number | null; sd: number | null; unit: string; sign: string; says: string }[];
  products: { name: string; title: string; media: string; size: number; sha256: string; href: string }[];
  notes: string[];
  method: string;
  source: string;
  rights: string;
  citation: string;
  latest: string;
  track: [number, number][];
  pages: string[];
  page: string | null;
}

export interface StationSeries {
  time: string[];
  value: (number | null)[];
  sd: (number | null)[] | null;
  unit: string;
  /** How people read it: number shown = value × factor + offset. */
  shown: { unit: string; factor: number; offset: number };
  sign: string;
  title: string;
  resolution: Resolution;
  calendar: string;
  uncertainty: string;
}

/** The share of what could be there that is sound, 0 to 1; null where nobody knows what to expect. */
export function share(row: Coverage): number | null {
  return row.expected ? Math.min(1, row.good / row.expected) : null;
}

/** A box about all stations that have a place; the whole Earth where none has. */
export function around(stations: readonly Summary[]): [number, number, number, number] {
  const boxes = stations.map((s) => s.bbox).filter((box): box is number[] => box !== null);
  if (!boxes.length) return [-180, -60, 180, 80];
  const edge = (at: number, pick: (...x: number[]) => number) => pick(...boxes.map((box) => box[at]));
  return [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)];
}

/** Where to draw a station: where it stands, or the middle of its way. */
export function spot(station: Summary): { lat: number; lon: number } | null {
  const { latitude: lat, longitude: lon } = station.place;
  if (lat != null && lon != null) return { lat, lon };
  if (!station.bbox) return null;
  const [west, south, east, north] = station.bbox;
  return { lat: (south + north) / 2, lon: (west + east) / 2 };
}

/** The resolution to show first: days, else the finest that there is. */
export function first(variable: Measured): Resolution {
  const there = RESOLUTIONS.filter((r) => variable.resolutions[r]);
  return there.includes("day") ? "day" : (there[0] ?? "native");
}
