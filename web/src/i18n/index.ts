// The page's words in four languages. `shell.*.json` are the shell's and the map's, `pages.*.json` the pages' and panels'.
import { SvelteMap } from "svelte/reactivity";
import pagesEnglish from "./pages.en.json";
import shellEnglish from "./shell.en.json";

export type Key = keyof typeof shellEnglish | keyof typeof pagesEnglish;
type Values = Record<string, string | number>;
export const LANGUAGES = ["en", "fr", "de", "fi"] as const;
export type Language = (typeof LANGUAGES)[number];
export const NAMES: Record<Language, string> = { en: "English", fr: "Français", de: "Deutsch", fi: "Suomi" };

type Catalogue = Record<string, string>;
const english: Catalogue = { ...shellEnglish, ...pagesEnglish };
const files = import.meta.glob<{ default: Catalogue }>("./*.{fr,de,fi}.json");
const STORE = "landsink.language";
const held = new SvelteMap<"language", Language>([["language", "en"]]);
const catalogues = new Map<Language, Catalogue>([["en", english]]);

/** The language now, reactive; also the locale of numbers and dates. */
export function language(): Language {
  return held.get("language") ?? "en";
}

/** `?lang=` in the address, else the reader's earlier choice, else the browser's first language that we have. */
export function preferred(): Language {
  const asked = new URLSearchParams(location.search).get("lang");
  const wishes = [asked, localStorage.getItem(STORE), ...navigator.languages];
  const found = wishes.map((wish) => LANGUAGES.find((code) => wish?.toLowerCase().startsWith(code)));
  return found.find(Boolean) ?? "en";
}

/** Loads a language and shows it; `keep` remembers it for the next visit. */
export async function settle(code: Language, options: { keep?: boolean } = {}): Promise<void> {
  if (!catalogues.has(code)) {
    const parts = ["shell", "pages"].map((part) => files[`./${part}.${code}.json`]().then((file) => file.default));
    catalogues.set(code, Object.assign({}, english, ...(await Promise.all(parts))));
  }
  if (options.keep) localStorage.setItem(STORE, code);
  document.documentElement.lang = code;
  held.set("language", code);
}

/** A text in the reader's language; `{name}` in it is replaced by `values.name`. */
export function t(key: Key, values: Values = {}): string {
  return told(key, values) ?? key;
}

/** The same for a key made while running, as `usage.${kind}`; undefined where no catalogue has it. */
export function told(key: string, values: Values = {}): string | undefined {
  const text = catalogues.get(language())?.[key];
  return text?.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
