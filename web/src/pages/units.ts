// Units as people read them, and sizes of files.

const SUPERSCRIPT: Record<string, string> = {
  "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
};

function raised(digits: string): string {
  return [...digits].map((d) => SUPERSCRIPT[d] ?? d).join("");
}

/** 'kg m-2 s-1' as kg m⁻² s⁻¹. The dimensionless '1' is left to the reader's language. */
export function unitText(unit: string | undefined | null): string {
  if (!unit) return "";
  // A figure without a sign is a power only behind a length: the 2 of CO2 is none.
  return unit
    .replace(/([A-Za-zµ°%]+)\^?(-\d+)\b/g, (_, name: string, power: string) => name + raised(power))
    .replace(/\bu(?=mol|atm|g\b|m\b)/g, "µ")
    .replace(/\b([kcdm]?m)\^?([23])\b/g, (_, name: string, power: string) => name + raised(power));
}

/** Four significant digits; powers of ten written out where a number is very small or very large. */
export function numberText(value: number | null | undefined, language: string, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    const power = Math.floor(Math.log10(size));
    const front = new Intl.NumberFormat(language, { maximumSignificantDigits: digits }).format(value / 10 ** power);
    return `${front} × 10${raised(String(power))}`;
  }
  return new Intl.NumberFormat(language, { maximumSignificantDigits: digits }).format(value);
}

/** Bytes in decimal units of the reader's language. */
export function sizeText(bytes: number, language: string): string {
  const steps = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = bytes < 1 ? 0 : Math.min(steps.length - 1, Math.floor(Math.log10(bytes) / 3));
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: steps[step],
    unitDisplay: step ? "short" : "long",
    maximumFractionDigits: step ? 1 : 0,
  }).format(bytes / 1000 ** step);
}

/** The language as dates ask for it: English ones are written day, month, year. */
export function dateLanguage(language: string): string {
  return language === "en" ? "en-GB" : language;
}

const DAY = 86_400_000;
const MONTHLY: Intl.DateTimeFormatOptions = { month: "long", year: "numeric" };

function moment(stamp: string | undefined | null): Date | null {
  if (!stamp) return null;
  const found = new Date(stamp.length <= 10 ? `${stamp}T00:00:00Z` : /[zZ]$|[+-]\d\d:\d\d$/.test(stamp) ? stamp : `${stamp}Z`);
  return Number.isNaN(found.getTime()) ? null : found;
}

/** A day in UTC, in words of the reader's language; '' for what is no date. */
export function dayText(stamp: string | undefined | null, language: string): string {
  const day = moment(stamp);
  return day ? new Intl.DateTimeFormat(dateLanguage(language), { dateStyle: "medium", timeZone: "UTC" }).format(day) : "";
}

/**
 * From the first step to the last one as people say it: years from 1 January to 1 January or to 31 December, months
 * from a first day to a first or a last one, days otherwise. `hours`: how far the calendar's clock is ahead of UTC.
 */
export function periodText(start: string | undefined | null, end: string | undefined | null, language: string, hours = 0): string {
  const ends = [moment(start), moment(end)].map((at) => at && new Date(at.getTime() + hours * 3_600_000));
  const [first, last] = ends;
  if (!first || !last) return "";
  const begins = last.getUTCDate() === 1 && last.getTime() % DAY === 0;
  const closes = new Date(last.getTime() + DAY).getUTCDate() === 1;
  const whole = first.getUTCDate() === 1 && (begins || closes) && last.getTime() - first.getTime() >= 27 * DAY;
  const years = whole && first.getUTCMonth() === 0 && last.getUTCMonth() === (begins ? 0 : 11);
  const form: Intl.DateTimeFormatOptions = years ? { year: "numeric" } : whole ? MONTHLY : { dateStyle: "medium" };
  const shown = new Intl.DateTimeFormat(dateLanguage(language), { ...form, timeZone: "UTC" });
  const [from, to] = [shown.format(first), shown.format(last)];
  return from === to ? from : `${from} – ${to}`;
}

/** West, south, east, north as 9° W – 41° E, 37° N – 69° N. */
export function boxText(box: readonly number[], language: string): string {
  const [west, south, east, north] = box;
  const lon = (x: number) => `${numberText(Math.abs(x), language)}° ${x < 0 ? "W" : "E"}`;
  const lat = (y: number) => `${numberText(Math.abs(y), language)}° ${y < 0 ? "S" : "N"}`;
  if (west === east && south === north) return `${lat(south)}, ${lon(west)}`;
  return `${lon(west)} – ${lon(east)}, ${lat(south)} – ${lat(north)}`;
}

/** West, south, east, north from what a person typed, with commas, semicolons or spaces; null where it is none. */
export function boxOf(words: string): [number, number, number, number] | null {
  const parts = words.trim().split(/[\s,;]+/).filter(Boolean).map(Number);
  if (parts.length !== 4 || parts.some((x) => !Number.isFinite(x))) return null;
  const [west, south, east, north] = parts as [number, number, number, number];
  const held = west >= -360 && west <= east && east <= 360 && south >= -90 && south <= north && north <= 90;
  return held ? [west, south, east, north] : null;
}
