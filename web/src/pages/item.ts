// What pages say of a catalogue item.

import type { Item } from "./answers";
import { periodText } from "./units";

const LICENCES: Record<string, string> = {
  "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
  "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
  "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
  "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
  "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
  "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
  "CC-BY-ND-4.0": "https://creativecommons.org/licenses/by-nd/4.0/",
};

/** Where a licence's words stand; '' for 'other'. */
export function licenceAddress(licence: string | undefined): string {
  if (!licence || licence === "other" || licence === "proprietary") return "";
  return LICENCES[licence] ?? `https://spdx.org/licenses/${encodeURIComponent(licence)}.html`;
}

/** From an item's first step to its last one, in the reader's words; '' for what has no time of its own. */
export function period(item: Item, language: string): string {
  const { start_datetime: start, end_datetime: end, "landsink:place": place } = item.properties;
  return periodText(start, end, language, place?.utc_offset ?? 0);
}

/** Whether an item says that its numbers are made up. */
export function generated(item: Item): boolean {
  const p = item.properties;
  if (typeof p["landsink:generated"] === "boolean") return p["landsink:generated"];
  return [p.title, p.description].some((words) => /\bGENERATED\b|\bgenerated data\b/.test(words ?? ""));
}

/** The hash that names the item's content, and what is hashed. */
export function hashOf(item: Item): { sha256: string; of: "content" | "record" } {
  const { "landsink:sha256": content, "landsink:record": record } = item.properties;
  return content ? { sha256: content, of: "content" } : { sha256: record ?? "", of: "record" };
}

/** An asset's SHA-256 in hex, from its multihash. */
export function digest(checksum: string | undefined): string {
  return checksum?.startsWith("1220") ? checksum.slice(4) : (checksum ?? "");
}

/** The identifiers of all versions, the oldest first. */
export function versions(item: Item): string[] {
  return (item.properties["landsink:versions"] ?? []).map((v) => v.id);
}

/** An address of this portal without its origin, so that it is followed wherever the portal stands. */
export function local(href: string): string {
  const found = new URL(href, location.href);
  return found.pathname + found.search;
}
