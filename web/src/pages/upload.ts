// A file on its way into the catalogue: announced, sent, tried, taken in.

import { Fault, send } from "../api";
import type { Column, Item } from "./answers";

export interface Person {
  name: string;
  orcid: string;
  affiliation: string;
}

export interface Description {
  title: string;
  description: string;
  method: string;
  licence: string;
  rights: string;
  keywords: string;
  embargo: string;
  previous: string;
  units: string;
  creators: Person[];
}

export interface Defect {
  where: string;
  found: string;
  expected: string;
  remedy: string;
}

export interface Report {
  accepted: boolean;
  id: string;
  sha256: string;
  size: number;
  known: boolean;
  specification: string;
  defects: Defect[];
  facts: { columns: Record<string, Column>; bbox: number[] | null; start: string | null; end: string | null };
}

export const LICENCES = [
  "CC-BY-4.0", "CC0-1.0", "CC-BY-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "ODbL-1.0", "ODC-By-1.0",
  "PDDL-1.0", "etalab-2.0", "OGL-UK-3.0", "other",
] as const;

/** A description with nothing in it. */
export function blank(): Description {
  return {
    title: "", description: "", method: "", licence: "CC-BY-4.0", rights: "", keywords: "", embargo: "", previous: "",
    units: "", creators: [{ name: "", orcid: "", affiliation: "" }],
  };
}

/** The description as the catalogue reads it: what is empty is not said. */
export function metadata(said: Description): Record<string, unknown> {
  const { keywords, units, creators, ...texts } = said;
  const kept = Object.fromEntries(Object.entries(texts).filter(([, words]) => words.trim()));
  const people = creators.filter((c) => c.name.trim());
  const pairs = units.split(/[,;\n]/).map((pair) => pair.split("=").map((word) => word.trim()));
  return {
    ...kept,
    ...(keywords.trim() ? { keywords: keywords.split(",").map((word) => word.trim()).filter(Boolean) } : {}),
    ...(people.length ? { creators: people } : {}),
    ...(units.trim() ? { units: Object.fromEntries(pairs.filter((p) => p.length === 2 && p[0])) } : {}),
  };
}

/** Announces, sends and tries a file; gives the upload's identifier and the report. */
export async function attempt(
  file: File,
  specification: string,
  said: Description,
): Promise<{ id: string; report: Report }> {
  const { id } = await send<{ id: string }>("POST", "/api/uploads", {
    filename: file.name,
    specification,
    metadata: metadata(said),
  });
  try {
    await send("PUT", `/api/uploads/${id}/content`, file);
    return { id, report: await send<Report>("POST", `/api/uploads/${id}/try`) };
  } catch (error) {
    await drop(id);
    throw error;
  }
}

/** Takes a tried file in; the item that it became. */
export function ingest(id: string): Promise<Item> {
  return send<Item>("POST", `/api/uploads/${id}/ingest`);
}

/** Takes back what was sent. That it is gone already is no failure. */
export async function drop(id: string): Promise<void> {
  await send("DELETE", `/api/uploads/${id}`).catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
  });
}
