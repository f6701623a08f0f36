// Light or dark: the system's wish, unless the reader chose.

export type Shade = "auto" | "light" | "dark";
const KEY = "landsink.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function stored(): Shade {
  const held = localStorage.getItem(KEY);
  return held === "light" || held === "dark" ? held : "auto";
}

class Theme {
  choice = $state<Shade>(stored());
  system = $state(dark.matches);

  constructor() {
    dark.addEventListener("change", (event) => (this.system = event.matches));
  }

  /** True where the page is dark now. */
  get dark(): boolean {
    return this.choice === "auto" ? this.system : this.choice === "dark";
  }

  /** Writes the choice where the style sheet reads it. */
  apply(): void {
    document.documentElement.dataset.theme = this.choice;
  }

  toggle(): void {
    this.choice = this.dark ? "light" : "dark";
    localStorage.setItem(KEY, this.choice);
    this.apply();
  }
}

export const theme = new Theme();
