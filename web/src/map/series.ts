// Series as the panels show them: by the month or the year, absolute or against the mean year.
import type { Series } from "./contract";

export type Turn = "values" | "anomaly" | "climatology";

type Row = (number | null)[];

/** A series with the ends of its band, where the members of an ensemble tell them. */
export interface Banded extends Series {
  low?: Row;
  high?: Row;
}

/** The same done to the values and to both ends of the band. */
function each(series: Banded, change: (row: Row) => Row): Pick<Banded, "value" | "low" | "high"> {
  const { low, high } = series;
  return { value: change(series.value), ...(low && high ? { low: change(low), high: change(high) } : {}) };
}

/** Values and deviations through a unit. */
export function scaled(series: Banded, value: (x: number) => number, sd: (x: number) => number): Banded {
  const all = (f: (x: number) => number) => (row: Row) => row.map((x) => (x === null ? null : f(x)));
  return { time: series.time, ...each(series, all(value)), sd: series.sd && all(sd)(series.sd) };
}

const days = (stamp: string) => {
  const [year, month] = stamp.split("-").map(Number);
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
};

/** Means of whole years, months weighted by their days. Deviation and band are the bound: as if all months erred alike. */
export function yearly(series: Banded, perYear: number): Banded {
  const years = new Map<string, number[]>();
  series.time.forEach((stamp, n) => {
    const year = stamp.slice(0, 4);
    years.set(year, [...(years.get(year) ?? []), n]);
  });
  const whole = [...years].filter(([, rows]) => rows.length >= perYear);
  const mean = (row: Row) => (rows: number[]): number | null => {
    const weights = rows.map((n) => (perYear === 12 ? days(series.time[n]) : 1));
    if (rows.some((n) => row[n] === null)) return null;
    return rows.reduce((sum, n, k) => sum + weights[k] * (row[n] as number), 0) / weights.reduce((a, b) => a + b, 0);
  };
  const means = (row: Row) => whole.map(([, steps]) => mean(row)(steps));
  return { time: whole.map(([year]) => `${year}-01-01`), ...each(series, means), sd: series.sd && means(series.sd) };
}

/** Mean of each step of the year over all years. */
export function climatology(series: Banded, perYear: number): Banded {
  const turns = Array.from({ length: perYear }, (_, n) => series.value.filter((x, k): x is number => k % perYear === n && x !== null));
  const value = turns.map((row) => (row.length ? row.reduce((a, b) => a + b, 0) / row.length : null));
  return { time: series.time.slice(0, perYear), value, sd: null };
}

/** Values less the mean year. The deviation and the width of the band stay those of the value. */
export function anomaly(series: Banded, perYear: number): Banded {
  const mean = climatology(series, perYear).value;
  const less = (row: Row) =>
    row.map((x, n) => {
      const usual = mean[n % perYear];
      return x === null || usual === null ? null : x - usual;
    });
  return { ...series, ...each(series, less) };
}

export function turned(series: Banded, turn: Turn, annual: boolean, perYear: number): Banded {
  if (turn === "climatology") return climatology(series, perYear);
  const base = annual && perYear > 1 ? yearly(series, perYear) : series;
  return turn === "anomaly" ? anomaly(base, annual ? 1 : perYear) : base;
}

const key = (stamp: string) => stamp.slice(0, 10);

/** Puts series on the union of their steps, so that one time axis serves all. */
export function together(rows: Banded[]): { time: string[]; rows: Banded[] } {
  const time = [...new Set(rows.flatMap((row) => row.time.map(key)))].sort();
  const at = new Map(time.map((stamp, n) => [stamp, n]));
  const spreadOut = (stamps: string[]) => (values: Row) => {
    const out: Row = time.map(() => null);
    stamps.forEach((stamp, n) => (out[at.get(key(stamp)) as number] = values[n]));
    return out;
  };
  return { time, rows: rows.map((row) => ({ time, ...each(row, spreadOut(row.time)), sd: row.sd && spreadOut(row.time)(row.sd) })) };
}

/** The part of a series from one step to another, both included. */
export function between(series: Banded, from: string, to: string): Banded {
  const inside = series.time.map((stamp) => key(stamp) >= key(from) && key(stamp) <= key(to));
  const part = <T>(row: T[]) => row.filter((_, n) => inside[n]);
  return { time: part(series.time), ...each(series, part), sd: series.sd && part(series.sd) };
}

/** Both series' means over the steps that both know; deviations as if all steps erred alike. Null where they share none. */
export function shared(one: Series, other: Series): { steps: number; one: [number, number | null]; other: [number, number | null] } | null {
  const at = new Map(other.time.map((stamp, n) => [key(stamp), n]));
  const pairs = one.time.flatMap((stamp, n): [number, number][] => {
    const m = at.get(key(stamp));
    return m === undefined || one.value[n] === null || other.value[m] === null ? [] : [[n, m]];
  });
  if (!pairs.length) return null;
  const mean = (row: Row | null, side: 0 | 1) =>
    row && pairs.every((pair) => row[pair[side]] !== null) ? pairs.reduce((sum, pair) => sum + (row[pair[side]] as number), 0) / pairs.length : null;
  const told = (series: Series, side: 0 | 1): [number, number | null] => [mean(series.value, side) as number, mean(series.sd, side)];
  return { steps: pairs.length, one: told(one, 0), other: told(other, 1) };
}

/** A file of comma-separated values; a line of notes for each fact, marked with #. */
export function csv(notes: string[], columns: [string, (string | number | null)[]][]): Blob {
  const cell = (x: string | number | null) => (x === null ? "" : typeof x === "number" ? String(x) : /[",\n]/.test(x) ? `"${x.replace(/"/g, '""')}"` : x);
  const head = notes.map((note) => `# ${note.replace(/\s+/g, " ")}`);
  const body = (columns[0]?.[1] ?? []).map((_, n) => columns.map(([, rows]) => cell(rows[n])).join(","));
  return new Blob([[...head, columns.map(([name]) => cell(name)).join(","), ...body, ""].join("\n")], { type: "text/csv" });
}

export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
