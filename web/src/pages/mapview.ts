// What the map showed last in this window.

import { boxOf } from "./units";

/** The box of the map's last view as west, south, east, north; '' where the map was not open. */
export function mapBox(): string {
  const held = sessionStorage.getItem("landsink.box") ?? "";
  const box = boxOf(held);
  return box ? box.map((x) => Math.round(x * 100) / 100).join(", ") : "";
}
