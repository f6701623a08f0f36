// Where the reader is: the address bar, reactive.
import { SvelteURL } from "svelte/reactivity";

const here = new SvelteURL(location.href);

export interface Route {
  path: string;
  query: URLSearchParams;
}

/** The path and the query now, reactive. */
export function route(): Route {
  return { path: here.pathname, query: here.searchParams };
}

/** Goes to an address of this page without loading it anew. `replace` leaves no step for the back button. */
export function go(href: string, options: { replace?: boolean } = {}): void {
  const leaving = new URL(href, location.href).pathname !== location.pathname;
  history[options.replace ? "replaceState" : "pushState"](null, "", href);
  here.href = location.href;
  if (leaving) scrollTo(0, 0);
}

const OUTSIDE = /^\/(api|zarr|assets)(\/|$)/;

// A plain click on a link of ours is a step in the page; anything else is left to the browser.
function follow(event: MouseEvent): void {
  const link = (event.target as Element | null)?.closest?.("a");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.origin !== location.origin || link.target || link.download || OUTSIDE.test(link.pathname)) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

addEventListener("popstate", () => (here.href = location.href));
document.addEventListener("click", follow);
