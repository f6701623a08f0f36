// An experiment as the portal takes it: a finished run with other parameters or another process.

import { get, send } from "../api";
import type { Box, View } from "../map/contract";
import type { Job } from "./jobs";

export interface Parameter {
  name: string;
  process: string;
  doc: string;
  unit: string;
  low: number;
  high: number;
  default: number;
  median: number;
  p05: number;
  p95: number;
  free: boolean;
  logarithmic: boolean;
}

export interface Swap {
  slot: string;
  now: string;
  options: { name: string; doc: string }[];
}

export interface Choices {
  base: { id: string; title: string; generated: boolean };
  period: [string, string];
  bbox: Box;
  cells: number;
  members: number;
  parameters: Parameter[];
  processes: Swap[];
  sites: { name: string; lat: number; lon: number }[];
}

export type Change = { value: number } | { factor: number };

/** 'all', 'view', 'point', or 'site:<name>'. */
export type Where = string;

export interface Order {
  base: string;
  title?: string;
  parameters: Record<string, Change>;
  processes: Record<string, string>;
  bbox?: Box;
  cell?: { lat: number; lon: number };
  start?: string;
  end?: string;
}

const STEPS = 1000;

/** What may be changed of a run. Throws Fault where the product is no run with a map. */
export function choices(base: string, signal?: AbortSignal): Promise<Choices> {
  return get<Choices>(`/api/processes/experiment/inputs?base=${encodeURIComponent(base)}`, signal);
}

/** The run behind a product: an experiment's is its control. */
export async function baseOf(product: string, signal?: AbortSignal): Promise<string> {
  const path = `/api/objects/${encodeURIComponent(product)}`;
  const item = await get<{ properties: Record<string, unknown> }>(path, signal);
  const control = item.properties["landsink:control"];
  return typeof control === "string" ? control : product;
}

/** What an experiment would take; nothing is run. Throws Fault where it cannot be. */
export function estimate(order: Order, signal?: AbortSignal): Promise<{ seconds: number; notes: string[] }> {
  return send("POST", "/api/processes/experiment/estimate", { inputs: order }, signal);
}

/** Puts an experiment into the queue. */
export function submit(order: Order): Promise<Job> {
  return send<Job>("POST", "/api/processes/experiment/execution", { inputs: order });
}

/** Where an experiment runs, as its order says. */
export function place(where: Where, view: View, known: Choices): Pick<Order, "bbox" | "cell"> {
  if (where === "view") return { bbox: inside(view.box, known.bbox) };
  if (where === "point" && view.point) return { cell: { lat: view.point[1], lon: view.point[0] } };
  const site = known.sites.find((s) => where === `site:${s.name}`);
  return site ? { cell: { lat: site.lat, lon: site.lon } } : {};
}

/** The part of a view that lies on the run's map; all of the map where they do not meet. */
export function inside(view: Box, map: Box): Box {
  const round = (x: number) => Math.round(x * 1000) / 1000;
  const held = [
    Math.max(view[0], map[0]), Math.max(view[1], map[1]), Math.min(view[2], map[2]), Math.min(view[3], map[3]),
  ].map(round) as Box;
  return held[0] <= held[2] && held[1] <= held[3] ? held : map;
}

/** A parameter's value as the place of a slider, 0 to STEPS, on its own scale. */
export function notch(p: Parameter, value: number): number {
  const share = p.logarithmic ? Math.log(value / p.low) / Math.log(p.high / p.low) : (value - p.low) / (p.high - p.low);
  return Math.round(Math.max(0, Math.min(1, share)) * STEPS);
}

/** The value at a slider's place, to four digits, within the bounds. */
export function valueAt(p: Parameter, place: number): number {
  const share = place / STEPS;
  const value = p.logarithmic ? p.low * (p.high / p.low) ** share : p.low + share * (p.high - p.low);
  return Math.max(p.low, Math.min(p.high, Number(value.toPrecision(4))));
}

/** The address of the map that shows what an experiment changed: experiment minus base. */
export function difference(result: string, base: string, view: View): string {
  const centre = [...view.centre, view.zoom].map((x) => x.toFixed(3)).join(",");
  return `/?p=${result}&v=${view.variable}&t=${view.time}&c=${centre}&m=difference&o=${base}@${view.time}&panel=compare`;
}
