// The whole state of the map in the address, short and readable, and back.
import type { Position } from "./contract";

export type Panel = "point" | "place" | "compare" | "table" | "experiment" | "download" | "cite";
export const PANELS: Panel[] = ["point", "place", "compare", "table", "experiment", "download", "cite"];

/** What an address may say; what it leaves out is the default. */
export interface Link {
  product: string;
  variable: string;
  time: string;
  centre: Position | null;
  zoom: number;
  projection: "mercator" | "globe";
  range: [number, number] | null;
  colours: string;
  mode: "one" | "swipe" | "difference";
  otherProduct: string;
  otherTime: string;
  split: number;
  uncertainty: "none" | "fade" | "hatch" | "sd";
  sigmas: number;
  point: Position | null;
  region: string | null;
  polygon: Position[] | null;
  panel: Panel | null;
}

const among = <T extends string>(value: string | null, all: readonly T[], other: T): T => all.find((x) => x === value) ?? other;

function numbers(text: string | null, count: number): number[] | null {
  const parts = (text ?? "").split(",").map(Number);
  return text && parts.length === count && parts.every(Number.isFinite) ? parts : null;
}

const onEarth = ([lon, lat]: number[]) => Math.abs(lon) <= 360 && Math.abs(lat) <= 90;

/** Corners typed as 'lon lat, lon lat, …'; null where they are no polygon. */
export function corners(text: string): Position[] | null {
  const found = text.split(/[,;\n]+/).map((pair) => pair.trim().split(/\s+/).map(Number));
  const right = found.length >= 3 && found.every((pair) => pair.length === 2 && pair.every(Number.isFinite) && onEarth(pair));
  return right ? (found as Position[]) : null;
}

export function readLink(query: URLSearchParams): Link {
  const text = (name: string) => query.get(name) ?? "";
  const view = numbers(query.get("c"), 3);
  const point = numbers(query.get("at"), 2);
  const range = numbers(query.get("r"), 2);
  const [otherProduct, otherTime = ""] = text("o").split("@");
  const sigmas = Number(query.get("k"));
  return {
    product: text("p"),
    variable: text("v"),
    time: text("t"),
    centre: view && onEarth(view) ? [view[0], view[1]] : null,
    zoom: view ? view[2] : 2,
    projection: query.get("g") === "1" ? "globe" : "mercator",
    range: range && range[0] < range[1] ? [range[0], range[1]] : null,
    colours: text("l"),
    mode: among(query.get("m"), ["one", "swipe", "difference"] as const, "one"),
    otherProduct,
    otherTime,
    split: numbers(query.get("s"), 1)?.[0] ?? 0.5,
    uncertainty: among(query.get("u"), ["none", "fade", "hatch", "sd"] as const, "none"),
    sigmas: [1, 2, 3].includes(sigmas) ? sigmas : 0,
    point: point && onEarth(point) ? [point[0], point[1]] : null,
    region: /^[A-Z]{3}$/.test(text("in")) ? text("in") : null,
    polygon: corners(text("poly")),
    panel: PANELS.find((name) => name === query.get("panel")) ?? null,
  };
}

const short = (x: number, digits = 4) => String(Number(x.toFixed(digits)));

export function writeLink(link: Link): string {
  const rows: [string, string | null][] = [
    ["p", link.product],
    ["v", link.variable],
    ["t", link.time],
    ["c", link.centre && [...link.centre, link.zoom].map((x) => short(x)).join(",")],
    ["g", link.projection === "globe" ? "1" : null],
    ["r", link.range && link.range.map((x) => String(Number(x.toPrecision(6)))).join(",")],
    ["l", link.colours],
    ["m", link.mode === "one" ? null : link.mode],
    ["o", link.mode === "one" ? null : `${link.otherProduct}@${link.otherTime}`],
    ["s", link.mode === "swipe" && link.split !== 0.5 ? short(link.split, 3) : null],
    ["u", link.uncertainty === "none" ? null : link.uncertainty],
    ["k", link.sigmas ? String(link.sigmas) : null],
    ["at", link.point && link.point.map((x) => short(x)).join(",")],
    ["in", link.region],
    ["poly", link.polygon && link.polygon.map((corner) => corner.map((x) => short(x)).join(" ")).join(",")],
    ["panel", link.panel],
  ];
  // Commas, colons and at-signs may stand in a query as they are; encoded they could not be read.
  const plain = (x: string) => encodeURIComponent(x).replace(/%2C/g, ",").replace(/%40/g, "@").replace(/%3A/g, ":").replace(/%20/g, "+");
  return rows.flatMap(([name, value]) => (value ? [`${name}=${plain(value)}`] : [])).join("&");
}
