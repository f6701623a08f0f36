// Words for values that the portal sends: kinds, forms of citation, states.

import { told } from "../i18n";

/** The reader's word for a value, as `prefix.value` in the catalogues; the value itself where there is none. */
export function named(prefix: string, value: string): string {
  return told(`${prefix}.${value}`) ?? value;
}
