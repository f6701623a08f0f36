// Numbers as people read them.
import { numberText } from "../pages/units";
import type { Variable } from "./contract";

/** A value of the product in the unit shown. */
export function toShown({ shown }: Variable, value: number): number {
  return value * shown.factor + shown.offset;
}

/** A standard deviation in the unit shown: scaled, never shifted. */
export function spread({ shown }: Variable, sd: number): number {
  return sd * shown.factor;
}

/** The other way: a number of the legend in the product's own unit. */
export function fromShown({ shown }: Variable, value: number): number {
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

/** A month or a day in words, by how far apart the steps are. */
export function dateText(stamp: string, language: string, daily = false): string {
  const day = new Date(stamp.length <= 10 ? `${stamp}T00:00:00Z` : stamp.endsWith("Z") ? stamp : `${stamp}Z`);
  const form: Intl.DateTimeFormatOptions = { year: "numeric", month: "long", timeZone: "UTC" };
  return new Intl.DateTimeFormat(language, daily ? { ...form, day: "numeric" } : form).format(day);
}
