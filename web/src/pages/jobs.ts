// Runs on the portal: OGC API - Processes, as far as pages read it.

import { get, send } from "../api";

export type Status = "accepted" | "running" | "successful" | "failed" | "dismissed";

export interface Job {
  jobID: string;
  processID: string;
  status: Status;
  title?: string;
  message?: string;
  /** Per cent. */
  progress?: number | null;
  /** Jobs before this one; 0 once it runs. */
  position?: number;
  /** Seconds until the end, as far as earlier runs tell. */
  estimate_s?: number | null;
  created?: string;
  started?: string | null;
  finished?: string | null;
  /** Whether the reader may dismiss it. */
  mine?: boolean;
  result?: string | null;
  inputs?: { base?: string };
}

/** Whether a job is over, one way or another. */
export function over(job: Job): boolean {
  return job.status !== "accepted" && job.status !== "running";
}

/** The jobs that the reader may see, the newest first. */
export async function jobs(signal?: AbortSignal): Promise<Job[]> {
  return (await get<{ jobs: Job[] }>("/api/jobs", signal)).jobs;
}

export function job(id: string, signal?: AbortSignal): Promise<Job> {
  return get<Job>(`/api/jobs/${encodeURIComponent(id)}`, signal);
}

/** What a job said so far. */
export async function lines(id: string, signal?: AbortSignal): Promise<string> {
  const said = await get<{ lines: { time: string; text: string }[] }>(`/api/jobs/${encodeURIComponent(id)}/log`, signal);
  return said.lines.map((line) => `${line.time.slice(11, 19)} ${line.text}`).join("\n");
}

/** Stops a job that waits or runs. */
export function dismiss(id: string): Promise<unknown> {
  return send("DELETE", `/api/jobs/${encodeURIComponent(id)}`);
}

/** Calls `work` now and every few seconds until it says that all is done; returns what stops it. */
export function poll(work: (signal: AbortSignal) => Promise<boolean>, seconds = 2): () => void {
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const turn = async (): Promise<void> => {
    // A tab that nobody sees asks more seldom.
    const done = await work(stop.signal).catch(() => stop.signal.aborted);
    if (!done && !stop.signal.aborted) timer = setTimeout(turn, seconds * 1000 * (document.hidden ? 5 : 1));
  };
  void turn();
  return () => {
    clearTimeout(timer);
    stop.abort();
  };
}

/** Seconds in words of the reader's language: minutes from two minutes on. */
export function durationText(seconds: number, language: string): string {
  const minutes = seconds >= 120;
  const value = minutes ? Math.round(seconds / 60) : Math.max(1, Math.round(seconds));
  const style = { style: "unit", unit: minutes ? "minute" : "second", unitDisplay: "long" } as const;
  return new Intl.NumberFormat(language, style).format(value);
}
