// Land for the small maps: the coarse base map for wide frames, the countries for narrow ones; each read once.

type Line = [number, number][];

interface Feature {
  properties: { kind?: string };
  geometry:
    | { type: "Polygon" | "MultiLineString"; coordinates: Line[] }
    | { type: "MultiPolygon"; coordinates: Line[][] };
}

export interface Frame {
  west: number;
  south: number;
  east: number;
  north: number;
}

export interface Drawn {
  land: string;
  borders: string;
}

const NARROW = 30;
const asked = new Map<string, Promise<Feature[]>>();

/** Longitude and latitude in degrees to a picture's plane, whose second axis points down. */
export type Projection = (lon: number, lat: number) => [number, number];

export const flat: Projection = (lon, lat) => [lon, -lat];

/** Web Mercator, the globe 360 wide, in which tiles are drawn. */
export const mercator: Projection = (lon, lat) => {
  const held = Math.max(-85, Math.min(85, lat)) * (Math.PI / 180);
  return [lon, (-Math.log(Math.tan(Math.PI / 4 + held / 2)) * 180) / Math.PI];
};

/** Land and borders within a frame as two SVG paths of a projection. */
export async function drawn(shown: Frame, plane: Projection): Promise<Drawn> {
  const features = await read(shown.east - shown.west < NARROW ? "/regions.json" : "/basemap.json");
  const step = (shown.east - shown.west) / 400;
  const made = { land: "", borders: "" };
  for (const { geometry, properties } of features) {
    if (properties.kind === "coast") continue;
    const lines = geometry.type === "MultiPolygon" ? geometry.coordinates.flat() : geometry.coordinates;
    const close = geometry.type === "MultiLineString" ? "" : "Z";
    made[close ? "land" : "borders"] += lines.map((line) => turns(line, shown, step, plane, close)).join("");
  }
  return made;
}

function read(address: string): Promise<Feature[]> {
  const known = asked.get(address);
  if (known) return known;
  const answer = fetch(address).then(async (found) => {
    if (!found.ok) throw new Error(`${address}: ${found.status}`);
    return ((await found.json()) as { features: Feature[] }).features;
  });
  asked.set(address, answer);
  return answer;
}

/** The part of the Earth to draw about a box, at least `least` degrees tall, never beyond the Earth. */
export function frame(box: readonly number[], least = 16): Frame {
  const [west, south, east, north] = box;
  const tall = Math.min(180, Math.max((north - south) * 1.3, least));
  const wide = Math.min(360, Math.max((east - west) * 1.3, least * 1.6, tall));
  const middle = Math.max(-90 + tall / 2, Math.min(90 - tall / 2, (south + north) / 2));
  const centre = wide >= 360 ? 0 : (west + east) / 2;
  return { west: centre - wide / 2, east: centre + wide / 2, south: middle - tall / 2, north: middle + tall / 2 };
}

// A frame across the date line sees some land a turn further on.
function turns(line: Line, shown: Frame, step: number, plane: Projection, close: string): string {
  return [-360, 0, 360]
    .map((turn) => (turn ? line.map(([x, y]): [number, number] => [x + turn, y]) : line))
    .filter((turned) => touches(turned, shown))
    .map((turned) => path(turned, step, plane, close))
    .join("");
}

function touches(line: Line, shown: Frame): boolean {
  let [west, east, south, north] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of line) {
    west = Math.min(west, x);
    east = Math.max(east, x);
    south = Math.min(south, y);
    north = Math.max(north, y);
  }
  return west <= shown.east && east >= shown.west && south <= shown.north && north >= shown.south;
}

function path(line: Line, step: number, plane: Projection, close: string): string {
  const points: string[] = [];
  let [lastX, lastY] = [Infinity, Infinity];
  for (const [x, y] of line) {
    if (Math.abs(x - lastX) + Math.abs(y - lastY) < step) continue;
    points.push(plane(x, y).map((v) => v.toFixed(2)).join(" "));
    [lastX, lastY] = [x, y];
  }
  return points.length > 1 ? `M${points.join("L")}${close}` : "";
}
