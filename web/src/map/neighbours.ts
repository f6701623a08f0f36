// Stations near a place, and what they observed of a variable. Without stations the map does without.
import { address, get } from "../api";
import type { CellSeries, Position, Variable } from "./contract";

export interface Near {
  id: string;
  name: string;
  distance_km: number;
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
  const path = address(`/api/stations/${encodeURIComponent(station.id)}/series`, { variable: row.name, resolution: "month" });
  const found = await get<CellSeries>(path, signal);
  return found.unit === row.unit && found.time.length ? { ...found, sd: found.sd ?? null } : null;
}
