// The portal's HTTP API: one way to ask, one kind of failure.

export interface Problem {
  title?: string;
  status?: number;
  detail?: string;
  found?: string;
  expected?: string;
  remedy?: string;
}

/** An answer that is no success. `message` is readable: what was found, expected, and how to mend it. */
export class Fault extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    const { title, detail, found, expected, remedy } = problem;
    const told = detail ? [detail] : [found ?? title, expected];
    if (remedy && !detail?.includes(remedy)) told.push(remedy);
    super(told.filter(Boolean).join(" ") || `HTTP ${status}`);
  }
}

type Values = Record<string, string | number | boolean | null | undefined>;

/** An address with its query; empty values are left out. */
export function address(path: string, values: Values = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function failure(answer: Response): Promise<Fault> {
  const kind = answer.headers.get("content-type") ?? "";
  const body = kind.includes("json") ? await answer.json().catch(() => ({})) : {};
  const detail = typeof body.detail === "string" ? body.detail : undefined;
  return new Fault(answer.status, { title: answer.statusText, ...body, detail });
}

/** GET of JSON. Throws Fault on 4xx and 5xx, TypeError where the server does not answer. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(path, { headers: { accept: "application/json" }, signal });
  if (!answer.ok) throw await failure(answer);
  return (await answer.json()) as T;
}

// Of a session: it must come with every write, so that no other page can write in the reader's name.
let token = "";

/** Takes the token of the session that every write is to carry; "" for none. */
export function guard(csrf: string): void {
  token = csrf;
}

type Method = "POST" | "PUT" | "DELETE";

/** POST, PUT or DELETE with a JSON body, a file, or nothing. The answer's JSON, or null where it has no body. */
export async function send<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (token) headers["x-csrf-token"] = token;
  const raw = body instanceof Blob;
  if (body !== undefined && !raw) headers["content-type"] = "application/json";
  const content = body === undefined ? undefined : raw ? body : JSON.stringify(body);
  const answer = await fetch(path, { method, body: content, headers, signal });
  if (!answer.ok) throw await failure(answer);
  const text = await answer.text();
  return (text ? JSON.parse(text) : null) as T;
}
