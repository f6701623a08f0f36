// Numbers as people read them.
import { boxText, dateLanguage, numberText } from "../pages/units";
import type { Variable } from "./contract";

/** A value of the product in the unit shown. */
export function toShown({ shown }: Pick<Variable, "shown">, value: number): number {
  return value * shown.factor + shown.offset;
}

/** A standard deviation in the unit shown: scaled, never shifted. */
export function spread({ shown }: Pick<Variable, "shown">, sd: number): number {
  return sd * shown.factor;
}

/** The other way: a number of the legend in the product's own unit. */
export function fromShown({ shown }: Pick<Variable, "shown">, value: number): number {
  return (value - shown.offset) / shown.factor;
}

export function number(value: number | null | undefined, language: string, digits = 4): string {
  return numberText(value, language, digits);
}

/** A value with one standard deviation, both to the digit that the deviation bears. */
export function withError(value: number | null, sd: number | null | undefined, language: string): string {
  if (value === null || !Number.isFinite(value)) return "–";
  if (!sd || !Number.isFinite(sd)) return number(value, language);
  const digits = Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(sd))));
  if (digits > 6 || Math.abs(value) >= 1e7) return `${number(value, language)} ± ${number(sd, language, 2)}`;
  const form = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${form.format(value)} ± ${form.format(sd)}`;
}

/** What a title says before its explanation: 'net biome production: every arrow …' is net biome production. */
export function short(title: string): string {
  return title.split(": ")[0];
}

/** Latitude and longitude of a place as 47.4° N, 8.1° E. */
export function placeText(lat: number, lon: number, language: string): string {
  return boxText([lon, lat, lon, lat], language);
}

/** How far a cell reaches at its latitude: 2° × 2° (222 × 127 km, north by east). */
export function cellText(lat: number, dlat: number, dlon: number, language: string): string {
  const round = (km: number) => number(km, language, 3);
  const degree = 111.195;
  const east = Math.abs(dlon) * degree * Math.cos((lat * Math.PI) / 180);
  return `${number(Math.abs(dlat), language)}° × ${number(Math.abs(dlon), language)}° (${round(Math.abs(dlat) * degree)} × ${round(east)} km)`;
}

/** A month or a day in words, by how far apart the steps are. */
export function dateText(stamp: string, language: string, daily = false): string {
  const day = new Date(stamp.length <= 10 ? `${stamp}T00:00:00Z` : stamp.endsWith("Z") ? stamp : `${stamp}Z`);
  const form: Intl.DateTimeFormatOptions = { year: "numeric", month: "long", timeZone: "UTC" };
  return new Intl.DateTimeFormat(dateLanguage(language), daily ? { ...form, day: "numeric" } : form).format(day);
}
