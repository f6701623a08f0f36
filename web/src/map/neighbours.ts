// Stations near a place, and what they observed of a variable. Without stations the map does without.
import { address, get } from "../api";
import { fromShown, spread, toShown } from "./display";
import { scaled } from "./series";
import type { CellSeries, Position, Variable } from "./contract";

export interface Near {
  id: string;
  name: string;
  distance_km: number;
  variables: { name: string }[];
}

const FAR = 300;

/** The three nearest stations within 300 km, those with the variable where there are any. */
export async function nearest([lon, lat]: Position, variable: string, signal: AbortSignal): Promise<Near[]> {
  for (const wanted of [variable, ""]) {
    const path = address("/api/stations/near", { lat, lon, variable: wanted, limit: 3 });
    const found = await get<{ stations: Near[] }>(path, signal);
    const close = found.stations.filter((station) => station.distance_km < FAR);
    if (close.length) return close;
  }
  return [];
}

/** Monthly observations of a variable in the map's own unit; null where the station has none, or has another unit. */
export async function observed(station: Near, row: Variable, signal: AbortSignal): Promise<CellSeries | null> {
  // A tower tells gross production and respiration by how they were parted: gpp_night stands for gpp.
  const kin = [row.name, `${row.name}_night`].find((name) => station.variables.some((one) => one.name === name));
  if (!kin) return null;
  const path = address(`/api/stations/${encodeURIComponent(station.id)}/series`, { variable: kin, resolution: "month" });
  const found = await get<CellSeries & Pick<Variable, "shown">>(path, signal);
  if (!found.time.length || (found.unit !== row.unit && found.shown.unit !== row.shown.unit)) return null;
  // The server tells how each is read; what is read in one unit is brought into the product's own.
  const same = found.unit === row.unit;
  const value = (x: number) => (same ? x : fromShown(row, toShown(found, x)));
  const sd = (x: number) => (same ? x : spread(found, x) / row.shown.factor);
  return { ...found, unit: row.unit, ...scaled(found, value, sd) };
}
