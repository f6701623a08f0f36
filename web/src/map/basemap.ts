// The ground under the picture and the lines over it: from files of ours, no names, no tiles.
import type { LayerSpecification, Map as MapLibre, SourceSpecification, StyleSpecification } from "maplibre-gl";

interface Shades {
  sea: string;
  land: string;
  coast: string;
  border: string;
  mark: string;
  halo: string;
}

const LIGHT: Shades = { sea: "#e4eaee", land: "#f6f5f0", coast: "#4d575f", border: "#7d868c", mark: "#10181f", halo: "#ffffff" };
const DARK: Shades = { sea: "#181d22", land: "#23292e", coast: "#aab3ba", border: "#7c868e", mark: "#ffffff", halo: "#10181f" };

export const shades = (dark: boolean): Shades => (dark ? DARK : LIGHT);

const empty = { type: "FeatureCollection" as const, features: [] };

/** Where the picture belongs: under the first of the lines. */
export const ABOVE = "border";
const NEAR = 4;

export function style(dark: boolean, projection: "mercator" | "globe"): StyleSpecification {
  const ink = shades(dark);
  const sources: Record<string, SourceSpecification> = {
    basemap: { type: "geojson", data: "/basemap.json", tolerance: 0.2 },
    mark: { type: "geojson", data: empty },
    place: { type: "geojson", data: empty },
  };
  const line = (id: string, source: string, kind: string, colour: string, width: number): LayerSpecification => ({
    id,
    type: "line",
    source,
    filter: ["==", ["get", "kind"], kind],
    paint: { "line-color": colour, "line-width": width },
  });
  const layers: LayerSpecification[] = [
    { id: "sea", type: "background", paint: { "background-color": ink.sea } },
    { id: "land", type: "fill", source: "basemap", filter: ["==", ["get", "kind"], "land"], paint: { "fill-color": ink.land, "fill-antialias": false } },
    { ...line("border", "basemap", "border", ink.border, 0.6), maxzoom: NEAR } as LayerSpecification,
    { ...line("coast", "basemap", "coast", ink.coast, 0.8), maxzoom: NEAR } as LayerSpecification,
    { id: "place-halo", type: "line", source: "place", paint: { "line-color": ink.halo, "line-width": 4, "line-opacity": 0.8 } },
    { id: "place", type: "line", source: "place", paint: { "line-color": ink.mark, "line-width": 2 } },
    { id: "place-corner", type: "circle", source: "place", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 4, "circle-color": ink.mark, "circle-stroke-color": ink.halo, "circle-stroke-width": 1.5 } },
    { id: "mark-halo", type: "line", source: "mark", paint: { "line-color": ink.halo, "line-width": 4 } },
    { id: "mark", type: "line", source: "mark", paint: { "line-color": ink.mark, "line-width": 1.8 } },
  ];
  return { version: 8, projection: { type: projection }, sources, layers };
}

/** The finer outlines, fetched once the map is near enough to show them. */
export function refine(map: MapLibre, dark: boolean): void {
  if (map.getZoom() < NEAR || map.getSource("outlines")) return;
  const ink = shades(dark);
  map.addSource("outlines", { type: "geojson", data: "/outlines.json", tolerance: 0.2 });
  for (const [kind, colour, width] of [["border", ink.border, 0.8], ["coast", ink.coast, 1]] as const) {
    const paint = { "line-color": colour, "line-width": width };
    map.addLayer({ id: `${kind}-near`, type: "line", source: "outlines", minzoom: NEAR, filter: ["==", ["get", "kind"], kind], paint }, "place-halo");
  }
}
