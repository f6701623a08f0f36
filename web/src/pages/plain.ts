// Answers that are text and not JSON.

import { Fault } from "../api";

/** GET of text. Throws Fault on 4xx and 5xx. */
export async function plain(path: string, signal?: AbortSignal): Promise<string> {
  const answer = await fetch(path, { signal });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ title: answer.statusText }));
    throw new Fault(answer.status, problem);
  }
  return answer.text();
}
