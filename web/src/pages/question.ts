// What a search asks, as it stands in the address of the page and in the request to the portal.

export interface Question {
  q: string;
  kind: string[];
  licence: string[];
  specification: string[];
  variable: string[];
  bbox: string;
  from: string;
  to: string;
  old: boolean;
  offset: number;
}

export const LISTS = ["kind", "variable", "specification", "licence"] as const;
export type Aspect = (typeof LISTS)[number];
export const LIMIT = 20;

/** The question in an address's query. */
export function read(query: URLSearchParams): Question {
  const offset = Number.parseInt(query.get("offset") ?? "0", 10);
  return {
    q: query.get("q") ?? "",
    kind: query.getAll("kind"),
    licence: query.getAll("licence"),
    specification: query.getAll("specification"),
    variable: query.getAll("variable"),
    bbox: query.get("bbox") ?? "",
    from: query.get("from") ?? "",
    to: query.get("to") ?? "",
    old: query.get("old") === "true",
    offset: Number.isFinite(offset) && offset > 0 ? offset : 0,
  };
}

/** The query of a question: only what is asked, so that addresses stay short. */
export function write(asked: Question): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ["q", "bbox", "from", "to"] as const) if (asked[name].trim()) query.set(name, asked[name].trim());
  for (const name of LISTS) for (const value of asked[name]) query.append(name, value);
  if (asked.old) query.set("old", "true");
  if (asked.offset) query.set("offset", String(asked.offset));
  return query;
}

/** The same question with a facet's value put in or taken out, from the first page on. */
export function turned(asked: Question, aspect: Aspect, value: string): Question {
  const held = asked[aspect];
  const kept = held.includes(value) ? held.filter((v) => v !== value) : [...held, value];
  return { ...asked, [aspect]: kept, offset: 0 };
}

/** Whether anything is asked at all. */
export function asks(asked: Question): boolean {
  return write({ ...asked, offset: 0 }).size > 0;
}
