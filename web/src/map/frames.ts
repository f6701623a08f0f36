// Maps of a product, read from its raw Zarr v3: little-endian float32 in gzip. A small frame lies with its neighbours in
// one file, a middling one is a file, and a large one is cut into tiles, with coarser maps beside it.
import { Fault, get } from "../api";
import type { Box } from "./contract";
import { Grid, spanned, type Window } from "./grid";

interface Codec {
  name: string;
  configuration?: { chunk_shape?: number[]; codecs?: Codec[] };
}

interface Meta {
  shape: number[];
  data_type: string;
  chunk_grid: { configuration: { chunk_shape: number[] } };
  codecs: Codec[];
}

/** How an array is cut: cells of a chunk, and how many steps lie in one file. */
interface Cut {
  rows: number;
  cols: number;
  tall: number;
  wide: number;
  together: number;
  packed: boolean;
}

const BYTES = 256e6;
const JOINED = 8;

/** Reads, keeps and prefetches maps. An edition never changes: what was once read stays right. */
export class Frames {
  private readonly cuts = new Map<string, Promise<Cut>>();
  private readonly chunks = new Kept<Float32Array>(BYTES);
  private readonly files = new Kept<ArrayBuffer>(BYTES / 4);
  private readonly wholes = new Kept<Float32Array>(BYTES / 2, JOINED);
  private readonly grids = new Map<string, Grid>();

  constructor(
    private readonly root: string,
    private readonly base: Grid,
    readonly steps: number,
    readonly levels: number,
  ) {}

  /** Whether a map is too large to be read whole. */
  get tiled(): boolean {
    return this.levels > 0;
  }

  /** What has to be read to draw a box: all of it, or the tiles in sight of the map whose cells fill a pixel. */
  window(box: Box, zoom: number): Window {
    if (!this.tiled) return { level: 0, top: 0, bottom: this.base.rows, left: 0, right: this.base.cols };
    const pixel = 360 / (512 * 2 ** zoom);
    const level = Math.max(0, Math.min(this.levels, Math.ceil(Math.log2(pixel / this.base.dlon) - 1e-9)));
    return spanned(this.base.coarser(level), box, level);
  }

  /** The grid of a window. */
  grid(window: Window): Grid {
    if (!this.tiled) return this.base;
    const key = named(window);
    const found = this.grids.get(key) ?? this.base.coarser(window.level).cut(window);
    this.grids.set(key, found);
    return found;
  }

  /** The numbers of a window, row by row. Throws Fault, or TypeError without a server. */
  frame(variable: string, step: number, window: Window): Promise<Float32Array> {
    return this.wholes.take(`${variable}/${step}/${named(window)}`, () => this.joined(variable, step, window));
  }

  /** Asks for the neighbours of a step, nearest first; failures wait until the frame itself is wanted. */
  prefetch(variables: string[], step: number, window: Window, reach = 3): void {
    for (let off = 1; off <= (this.tiled ? 1 : reach); off++) {
      for (const near of [step + off, step - off]) {
        if (near < 0 || near >= this.steps) continue;
        for (const name of variables) this.parts(name, near, window).catch(() => undefined);
      }
    }
  }

  private async joined(variable: string, step: number, window: Window): Promise<Float32Array> {
    const [cut, parts] = [await this.cut(variable, window.level), await this.parts(variable, step, window)];
    const [tall, wide] = [window.bottom - window.top, window.right - window.left];
    if (parts.length === 1 && tall === cut.tall && wide === cut.wide) return parts[0].data;
    const out = new Float32Array(tall * wide);
    for (const { data, top, left } of parts) {
      const [from, to] = [Math.max(left, window.left), Math.min(left + cut.wide, end(left, cut), window.right)];
      for (let row = Math.max(top, window.top); row < Math.min(top + cut.tall, window.bottom); row++) {
        const start = (row - top) * cut.wide - left;
        out.set(data.subarray(start + from, start + to), (row - window.top) * wide + from - window.left);
      }
    }
    return out;
  }

  // The chunks that a window touches, with the row and column where each begins, counted as the window's are.
  private async parts(variable: string, step: number, window: Window): Promise<{ data: Float32Array; top: number; left: number }[]> {
    const cut = await this.cut(variable, window.level);
    const across = Math.ceil(cut.cols / cut.wide);
    const asked: Promise<{ data: Float32Array; top: number; left: number }>[] = [];
    for (let i = Math.floor(window.top / cut.tall); i * cut.tall < window.bottom; i++) {
      // A window that crosses the seam goes on in columns beyond the last one.
      for (let turn = 0; turn * cut.cols < window.right; turn++) {
        for (let j = 0; j < across; j++) {
          const [top, left] = [i * cut.tall, turn * cut.cols + j * cut.wide];
          if (end(left, cut) <= window.left || left >= window.right) continue;
          asked.push(this.chunk(variable, window.level, cut, [step, i, j]).then((data) => ({ data, top, left })));
        }
      }
    }
    return Promise.all(asked);
  }

  private place(variable: string, level: number): string {
    return level ? `${this.root}/${level}/${variable}` : `${this.root}/${variable}`;
  }

  private cut(variable: string, level: number): Promise<Cut> {
    const place = this.place(variable, level);
    let found = this.cuts.get(place);
    if (!found) {
      found = get<Meta>(`${place}/zarr.json`).then((meta) => cutOf(meta, place));
      found.catch(() => this.cuts.delete(place));
      this.cuts.set(place, found);
    }
    return found;
  }

  private chunk(variable: string, level: number, cut: Cut, [step, i, j]: [number, number, number]): Promise<Float32Array> {
    const place = this.place(variable, level);
    return this.chunks.take(`${place}/${step}/${i}/${j}`, async () => {
      if (cut.together === 1) return unpacked((await fetched(`${place}/c/${step}/${i}/${j}`)).body as ReadableStream, cut.packed);
      const address = `${place}/c/${Math.floor(step / cut.together)}/${i}/${j}`;
      const file = await this.files.take(address, async () => (await fetched(address)).arrayBuffer());
      return unpacked(new Blob([within(file, step % cut.together, cut.together)]).stream(), cut.packed);
    });
  }
}

/** The last things taken, as many as fit. */
class Kept<T extends { byteLength: number }> {
  private readonly held = new Map<string, { asked: Promise<T>; size: number }>();
  private size = 0;

  constructor(
    private readonly bytes: number,
    private readonly most = Infinity,
  ) {}

  take(key: string, make: () => Promise<T>): Promise<T> {
    const found = this.held.get(key) ?? { asked: make(), size: -1 };
    this.held.delete(key);
    this.held.set(key, found);
    if (found.size < 0) {
      found.size = 0;
      found.asked.then(
        (made) => this.held.get(key) === found && (this.size += found.size = made.byteLength),
        () => this.held.get(key) === found && this.held.delete(key),
      );
    }
    for (const [old, row] of this.held) {
      if ((this.size <= this.bytes && this.held.size <= this.most) || old === key) break;
      this.size -= row.size;
      this.held.delete(old);
    }
    return found.asked;
  }
}

const named = ({ level, top, bottom, left, right }: Window) => [level, top, bottom, left, right].join(" ");

/** The column behind a chunk; the last chunk of a turn is cut where the map ends. */
function end(left: number, { cols, wide }: Cut): number {
  return Math.min(left + wide, (Math.floor(left / cols) + 1) * cols);
}

function cutOf(meta: Meta, place: string): Cut {
  const outer = meta.chunk_grid.configuration.chunk_shape;
  const shard = meta.codecs[0].name === "sharding_indexed" ? meta.codecs[0].configuration : undefined;
  const [deep, tall, wide] = shard?.chunk_shape ?? outer;
  const codecs = (shard?.codecs ?? meta.codecs).map((codec) => codec.name);
  const known = meta.data_type === "float32" && deep === 1 && tall === outer[1] && wide === outer[2];
  if (!known || codecs.some((name) => name !== "bytes" && name !== "gzip")) {
    throw new Fault(0, { found: `${place}: ${meta.data_type} ${codecs.join(", ")}`, expected: "float32 bytes, gzip" });
  }
  return { rows: meta.shape[1], cols: meta.shape[2], tall, wide, together: outer[0], packed: codecs.includes("gzip") };
}

/** The bytes of one chunk in a file of several, whose places stand at its end. Source: Zarr's sharding codec 1.0. */
function within(file: ArrayBuffer, number: number, many: number): ArrayBuffer {
  const index = new DataView(file, file.byteLength - 16 * many - 4);
  const [start, count] = [0, 8].map((off) => Number(index.getBigUint64(16 * number + off, true)));
  return file.slice(start, start + count);
}

async function fetched(address: string): Promise<Response> {
  const answer = await fetch(address);
  if (!answer.ok || !answer.body) throw new Fault(answer.status, { title: answer.statusText, found: address });
  return answer;
}

async function unpacked(stream: ReadableStream, packed: boolean): Promise<Float32Array> {
  const plain = packed ? stream.pipeThrough(new DecompressionStream("gzip")) : stream;
  return new Float32Array(await new Response(plain).arrayBuffer());
}
