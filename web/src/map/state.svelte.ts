// What the map shows. One object; the controls change it, the picture and the address follow.
import type { Position, Product, Variable, View, Box } from "./contract";
import { diverging, even, rounded, table } from "./colours";
import { fromShown, toShown } from "./display";
import type { Window } from "./grid";
import type { Picture, Side } from "./layer";
import { readLink, writeLink, type Link, type Panel } from "./link";
import { differences, reach } from "./comparison";
import { Fault } from "../api";
import { open, perYear, products, reopen, stepOf, variable, type Opened } from "./shelf";

export class MapState {
  list = $state.raw<Product[]>([]);
  one = $state.raw<Opened | null>(null);
  other = $state.raw<Opened | null>(null);
  name = $state("");
  step = $state(0);
  otherStep = $state(0);
  mode = $state<Link["mode"]>("one");
  split = $state(0.5);
  uncertainty = $state<Link["uncertainty"]>("none");
  sigmas = $state(0);
  /** In the unit shown; null for the variable's own. */
  range = $state.raw<[number, number] | null>(null);
  /** "" for the variable's own. */
  colours = $state("");
  projection = $state<Link["projection"]>("mercator");
  centre = $state.raw<Position | null>(null);
  zoom = $state(2);
  box = $state.raw<Box>([-180, -85, 180, 85]);
  /** Whether the camera has told what is in sight. */
  placed = $state(false);
  point = $state.raw<Position | null>(null);
  region = $state<string | null>(null);
  polygon = $state.raw<Position[] | null>(null);
  drawing = $state(false);
  panel = $state<Panel | null>(null);
  playing = $state(false);
  failure = $state("");
  /** The frames that are on the screen, and how long the last step took. */
  seen = $state.raw<{ one: Side; other: Side | null; step: number; otherStep: number; name: string; product: string } | null>(null);
  took = $state(0);
  /** What has to be read for what is in sight: another text when other tiles are needed. */
  windows = $derived([this.one, this.comparing ? this.other : null].map((opened) => this.needed(opened)).join("|"));
  private turn = 0;
  private landed = 0;
  private readonly measures = new Map<string, [number, number]>();

  private needed(opened: Opened | null): string {
    return opened?.frames.tiled ? `${this.placed} ${this.deviating(opened)} ${JSON.stringify(opened.frames.window(this.box, this.zoom))}` : "";
  }

  // Of a large product deviations are read only where the map shows them; a click tells those of its cell.
  private deviating({ frames }: Opened): boolean {
    return !frames.tiled || this.uncertainty !== "none" || this.sigmas > 0;
  }

  /** How many cells of the product, each way, a cell that is drawn holds: 1, or more where a coarser map is drawn. */
  get coarse(): number {
    return this.seen ? 2 ** Math.max(this.seen.one.level, this.seen.other?.level ?? 0) : 1;
  }

  /** The variable shown, as the product tells it. */
  get variable(): Variable | null {
    return this.one ? variable(this.one.detail, this.name) : null;
  }

  get time(): string[] {
    return this.one?.detail.time ?? [];
  }

  get date(): string {
    return this.time[this.step] ?? "";
  }

  get otherDate(): string {
    return this.other?.detail.time[this.otherStep] ?? "";
  }

  get year(): number {
    return perYear(this.time);
  }

  get comparing(): boolean {
    return this.mode !== "one" && !!this.other;
  }

  /** The name of the colour table in use: even about zero for differences, sequential for deviations. */
  get palette(): string {
    if (this.colours) return this.colours;
    if (this.uncertainty === "sd") return "cividis";
    const own = this.variable?.colours ?? "viridis";
    return this.mode === "difference" && !this.variable?.diverging ? "RdBu_r" : own;
  }

  /** True where the ends of the colours come from the frames seen: deviations and differences have no known span. */
  get measured(): boolean {
    return this.uncertainty === "sd" || (this.mode === "difference" && this.comparing);
  }

  /** The ends of the colours in the unit shown. */
  get limits(): [number, number] {
    const row = this.variable;
    if (this.range || !row) return this.range ?? [0, 1];
    if (this.measured) return this.measure(row);
    const ends = row.span.map((x) => toShown(row, x)) as [number, number];
    return rounded(row.diverging || diverging(this.palette) ? even(ends) : ends);
  }

  // Measured once and then kept, so that steps can be compared by eye; the address holds it too.
  private measure(row: Variable): [number, number] {
    const what = `${this.one?.detail.id} ${row.name} ${this.uncertainty} ${this.mode} ${this.other?.detail.id}`;
    const known = this.measures.get(what);
    if (known) return known;
    const { seen } = this;
    const sd = this.uncertainty === "sd";
    if (!seen || seen.name !== row.name || (sd ? row.sd && !seen.one.sd : !seen.other)) return [0, 1];
    const far = reach(sd ? (seen.one.sd ?? []) : differences(seen.one, seen.other as Side)) * Math.abs(row.shown.factor);
    const found = rounded(sd ? [0, far || 1] : even([-far, far]));
    this.measures.set(what, found);
    return found;
  }

  /** The picture of the frames that are here. */
  picture(): Picture | null {
    const [seen, row] = [this.seen, this.variable];
    if (!seen || !row || seen.name !== row.name || seen.product !== this.one?.detail.id) return null;
    const range = this.limits.map((x) => (this.measured ? x / row.shown.factor : fromShown(row, x))) as [number, number];
    const { mode, uncertainty, sigmas, split } = this;
    return { one: seen.one, other: seen.other, mode, range, colours: table(this.palette), uncertainty, sigmas, split };
  }

  /** Takes up an address: opens the products that it names. Throws Fault where there is none such. */
  async take(link: Link): Promise<void> {
    this.list = await products();
    const id = link.product || this.list[0]?.id;
    if (!id) return;
    const one = await open(id);
    const other = link.mode === "one" ? null : await open(link.otherProduct || id);
    const { time } = one.detail;
    Object.assign(this, {
      one, other,
      name: variable(one.detail, link.variable || preferred(one.detail)).name,
      step: link.time ? stepOf(time, link.time) : newest(time),
      otherStep: other ? stepOf(other.detail.time, link.otherTime || time[0]) : 0,
      mode: link.mode, split: link.split, uncertainty: link.uncertainty, sigmas: link.sigmas, range: link.range, colours: link.colours,
      projection: link.projection, zoom: link.zoom, centre: link.centre, point: link.point, region: link.region,
      polygon: link.polygon, panel: link.panel,
    });
    // The frames come while the map is being set up.
    await this.load().catch((error: Error) => (this.failure = error.message));
  }

  /** Loads the frames of the state and shows them, unless the reader has gone on meanwhile. */
  async load(): Promise<void> {
    const { one, other, name, step, otherStep, mode, box, zoom } = this;
    const row = this.variable;
    const second = mode === "one" ? null : other;
    if (!one || !row) return;
    // Of a large product only what is in sight is read: not before that is known.
    if (!this.placed && (one.frames.tiled || second?.frames.tiled)) return;
    const [began, turn] = [performance.now(), ++this.turn];
    const [where, there] = [one.frames.window(box, zoom), second?.frames.window(box, zoom)];
    let first: Side, last: Side | null;
    try {
      [first, last] = await Promise.all([
        side(one, name, step, where, this.deviating(one)),
        second && there ? side(second, name, otherStep, there, this.deviating(second)) : null,
      ]);
    } catch (error) {
      if (error instanceof Fault && error.status === 410) return await this.renew();
      throw error;
    }
    const current = this.one === one && this.name === name && this.step === step && this.mode === mode && turn > this.landed;
    if (!current || (second && (this.other !== other || this.otherStep !== otherStep))) return;
    this.landed = turn;
    this.seen = { one: first, other: last, step, otherStep, name, product: one.detail.id };
    this.took = performance.now() - began;
    this.failure = "";
    const names = row.sd && first.sd ? [name, row.sd] : [name];
    one.frames.prefetch(names, step, where);
    if (there) second?.frames.prefetch(names, otherStep, there, 1);
  }

  // A product was made anew while it was shown: its old bytes are gone, and the same view of the new one is taken up.
  private async renew(): Promise<void> {
    const [date, otherDate] = [this.date, this.otherDate];
    if (this.one) this.one = await reopen(this.one.detail.id);
    if (this.other) this.other = this.other.detail.id === this.one?.detail.id ? this.one : await reopen(this.other.detail.id);
    if (this.one) this.step = stepOf(this.one.detail.time, date);
    if (this.other) this.otherStep = stepOf(this.other.detail.time, otherDate);
    this.list = await products();
  }

  async choose(id: string): Promise<void> {
    const [date, name] = [this.date, this.name];
    const one = await open(id);
    this.one = one;
    this.name = variable(one.detail, name).name;
    this.step = stepOf(one.detail.time, date);
    this.range = null;
  }

  async compare(mode: Link["mode"], id = "", date = ""): Promise<void> {
    if (mode !== "one" && this.one) {
      const other = await open(id || this.other?.detail.id || this.one.detail.id);
      const year = this.time[Math.max(0, this.step - this.year)];
      this.otherStep = stepOf(other.detail.time, date || this.otherDate || year);
      this.other = other;
    }
    if (mode !== this.mode) [this.range, this.colours] = [null, ""];
    this.mode = mode;
  }

  move(steps: number): void {
    this.step = Math.max(0, Math.min(this.time.length - 1, this.step + steps));
  }

  /** The other product must have the variable, else there is nothing to compare. */
  get comparable(): Product[] {
    return this.list.filter((product) => product.variables.some((row) => row.name === this.name));
  }

  link(): Link {
    return {
      product: this.one?.detail.id ?? "", variable: this.name, time: this.date, centre: this.centre, zoom: this.zoom,
      projection: this.projection, range: this.range ?? (this.measured && this.seen ? this.limits : null), colours: this.colours, mode: this.mode,
      otherProduct: this.other?.detail.id ?? "", otherTime: this.otherDate, split: this.split, uncertainty: this.uncertainty,
      sigmas: this.sigmas, point: this.point, region: this.region, polygon: this.polygon, panel: this.panel,
    };
  }

  address(): string {
    return this.one ? `/?${writeLink(this.link())}` : "/";
  }

  view(): View {
    const { product, variable: name, time, zoom, projection, range, mode, uncertainty, sigmas, point, region, polygon } = this.link();
    const other = this.comparing && this.other ? { product: this.other.detail.id, time: this.otherDate } : null;
    const centre = this.centre ?? [0, 0];
    return { product, variable: name, time, centre, zoom, projection, box: this.box, range, mode, other, uncertainty, sigmas, point, region, polygon };
  }
}

async function side({ detail, frames }: Opened, name: string, step: number, window: Window, deviating: boolean): Promise<Side> {
  const row = variable(detail, name);
  const [value, sd] = await Promise.all([
    frames.frame(row.name, step, window),
    row.sd && deviating ? frames.frame(row.sd, step, window) : null,
  ]);
  return { grid: frames.grid(window), level: window.level, value, sd };
}

// The net flux is what people come for; else the first variable.
function preferred(product: Product): string {
  return ["nbp", "nee", "gpp"].find((name) => product.variables.some((row) => row.name === name)) ?? "";
}

// The last July says more at first sight than the last December.
function newest(time: string[]): number {
  const july = time.findLastIndex((date) => date.slice(5, 7) === "07");
  return july >= 0 ? july : time.length - 1;
}

export function fromAddress(query: URLSearchParams): Link {
  return readLink(query);
}
