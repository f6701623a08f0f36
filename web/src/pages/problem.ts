// A failure as words: what was found, what was expected, what to do.

import { Fault, type Problem } from "../api";

/** The portal's own account of a failure, or what little is known of one that never reached it. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Fault) return error.problem;
  return { detail: error instanceof Error ? error.message : String(error) };
}
