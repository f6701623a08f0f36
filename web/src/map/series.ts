// Series as the panels show them: by the month or the year, absolute or against the mean year.
import type { Series } from "./contract";

export type Turn = "values" | "anomaly" | "climatology";

/** Values and deviations through a unit. */
export function scaled(series: Series, value: (x: number) => number, sd: (x: number) => number): Series {
  const each = (row: (number | null)[], f: (x: number) => number) => row.map((x) => (x === null ? null : f(x)));
  return { time: series.time, value: each(series.value, value), sd: series.sd && each(series.sd, sd) };
}

const days = (stamp: string) => {
  const [year, month] = stamp.split("-").map(Number);
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
};

/** Means of whole years, months weighted by their days. The deviation is the bound of full correlation between months. */
export function yearly(series: Series, perYear: number): Series {
  const years = new Map<string, number[]>();
  series.time.forEach((stamp, n) => {
    const year = stamp.slice(0, 4);
    years.set(year, [...(years.get(year) ?? []), n]);
  });
  const whole = [...years].filter(([, rows]) => rows.length >= perYear);
  const mean = (row: (number | null)[]) => (rows: number[]): number | null => {
    const weights = rows.map((n) => (perYear === 12 ? days(series.time[n]) : 1));
    if (rows.some((n) => row[n] === null)) return null;
    return rows.reduce((sum, n, k) => sum + weights[k] * (row[n] as number), 0) / weights.reduce((a, b) => a + b, 0);
  };
  const rows = whole.map(([, steps]) => steps);
  return { time: whole.map(([year]) => `${year}-01-01`), value: rows.map(mean(series.value)), sd: series.sd && rows.map(mean(series.sd)) };
}

/** Mean of each step of the year over all years. */
export function climatology(series: Series, perYear: number): Series {
  const turns = Array.from({ length: perYear }, (_, n) => series.value.filter((x, k): x is number => k % perYear === n && x !== null));
  const value = turns.map((row) => (row.length ? row.reduce((a, b) => a + b, 0) / row.length : null));
  return { time: series.time.slice(0, perYear), value, sd: null };
}

/** Values less the mean year. The deviation stays that of the value. */
export function anomaly(series: Series, perYear: number): Series {
  const mean = climatology(series, perYear).value;
  const value = series.value.map((x, n) => {
    const usual = mean[n % perYear];
    return x === null || usual === null ? null : x - usual;
  });
  return { ...series, value };
}

export function turned(series: Series, turn: Turn, annual: boolean, perYear: number): Series {
  if (turn === "climatology") return climatology(series, perYear);
  const base = annual && perYear > 1 ? yearly(series, perYear) : series;
  return turn === "anomaly" ? anomaly(base, annual ? 1 : perYear) : base;
}

/** Puts series on the union of their steps, so that one time axis serves all. */
export function together(rows: Series[]): { time: string[]; rows: Series[] } {
  const key = (stamp: string) => stamp.slice(0, 10);
  const time = [...new Set(rows.flatMap((row) => row.time.map(key)))].sort();
  const at = new Map(time.map((stamp, n) => [stamp, n]));
  const spreadOut = (stamps: string[], values: (number | null)[]) => {
    const out: (number | null)[] = time.map(() => null);
    stamps.forEach((stamp, n) => (out[at.get(key(stamp)) as number] = values[n]));
    return out;
  };
  return { time, rows: rows.map((row) => ({ time, value: spreadOut(row.time, row.value), sd: row.sd && spreadOut(row.time, row.sd) })) };
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
