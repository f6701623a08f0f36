// Countries: their names in the reader's language, and their outlines.
import type { Geometry, MultiPolygon, Polygon } from "geojson";
import { get } from "../api";
import type { Region } from "./contract";

interface Shape {
  properties: Region;
  geometry: Polygon | MultiPolygon;
}

let asked: Promise<Shape[]> | undefined;

function shapes(): Promise<Shape[]> {
  asked ??= get<{ features: Shape[] }>("/regions.json").then((file) => file.features);
  asked.catch(() => (asked = undefined));
  return asked;
}

/** Every country under its name in a language, in that language's order. */
export async function countries(language: string): Promise<Region[]> {
  const names = new Intl.DisplayNames(language, { type: "region", fallback: "none" });
  const rows = (await shapes()).map(({ properties }) => {
    const { a2 } = properties;
    return { ...properties, name: (a2 && names.of(a2)) || properties.name };
  });
  return rows.toSorted((a, b) => a.name.localeCompare(b.name, language));
}

/** A country's outline as lines. */
export async function geometryOf(id: string): Promise<Geometry> {
  const found = (await shapes()).find((shape) => shape.properties.id === id);
  if (!found) throw new Error(id);
  const { geometry } = found;
  const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
  return { type: "MultiLineString", coordinates: rings };
}
