// Frames of a product, read from its raw Zarr v3: one chunk is one full frame, little-endian float32, gzipped.
import { Fault, get } from "../api";

interface Meta {
  shape: number[];
  data_type: string;
  chunk_grid: { configuration: { chunk_shape: number[] } };
  codecs: { name: string; configuration?: { endian?: string } }[];
}

interface Held {
  data?: Float32Array;
  asked: Promise<Float32Array>;
}

const BYTES = 256e6;

/** Reads, keeps and prefetches frames. Releases never change, so a frame once read stays right. */
export class Frames {
  private readonly metas = new Map<string, Promise<Meta>>();
  private readonly frames = new Map<string, Held>();
  private readonly most: number;

  constructor(
    private readonly root: string,
    private readonly rows: number,
    private readonly cols: number,
    readonly steps: number,
  ) {
    this.most = Math.max(8, Math.floor(BYTES / (rows * cols * 4)));
  }

  /** A frame that is already here, else undefined. */
  held(variable: string, step: number): Float32Array | undefined {
    return this.frames.get(`${variable}/${step}`)?.data;
  }

  /** (rows, cols) of float32, row by row. Throws Fault, or TypeError without a server. */
  frame(variable: string, step: number): Promise<Float32Array> {
    const key = `${variable}/${step}`;
    let found = this.frames.get(key);
    if (found) this.frames.delete(key);
    else {
      const asked = this.read(variable, step);
      const made: Held = { asked };
      asked.then((data) => (made.data = data), () => this.frames.delete(key));
      found = made;
    }
    this.frames.set(key, found);
    while (this.frames.size > this.most) this.frames.delete(this.frames.keys().next().value as string);
    return found.asked;
  }

  /** Asks for the neighbours of a step, nearest first; failures wait until the frame itself is wanted. */
  prefetch(variables: string[], step: number, reach = 3): void {
    for (let off = 1; off <= reach; off++) {
      for (const near of [step + off, step - off]) {
        if (near < 0 || near >= this.steps) continue;
        for (const name of variables) this.frame(name, near).catch(() => undefined);
      }
    }
  }

  private meta(variable: string): Promise<Meta> {
    let found = this.metas.get(variable);
    if (!found) {
      found = get<Meta>(`${this.root}/${variable}/zarr.json`);
      found.catch(() => this.metas.delete(variable));
      this.metas.set(variable, found);
    }
    return found;
  }

  private async read(variable: string, step: number): Promise<Float32Array> {
    const meta = await this.meta(variable);
    const [deep, tall, wide] = meta.chunk_grid.configuration.chunk_shape;
    const codecs = meta.codecs.map((codec) => codec.name);
    const packed = codecs.includes("gzip");
    if (meta.data_type !== "float32" || deep !== 1 || codecs.some((name) => name !== "bytes" && name !== "gzip")) {
      throw new Fault(0, { found: `${variable}: ${meta.data_type} ${codecs.join(", ")}`, expected: "float32 bytes, gzip" });
    }
    if (tall >= this.rows && wide >= this.cols) {
      const whole = await chunk(`${this.root}/${variable}/c/${step}/0/0`, packed);
      return tall === this.rows && wide === this.cols ? whole : this.joined([[whole, 0, 0]], tall, wide);
    }
    const parts: Promise<[Float32Array, number, number]>[] = [];
    for (let i = 0; i * tall < this.rows; i++) {
      for (let j = 0; j * wide < this.cols; j++) {
        const part = chunk(`${this.root}/${variable}/c/${step}/${i}/${j}`, packed);
        parts.push(part.then((data) => [data, i * tall, j * wide]));
      }
    }
    return this.joined(await Promise.all(parts), tall, wide);
  }

  private joined(parts: [Float32Array, number, number][], tall: number, wide: number): Float32Array {
    const out = new Float32Array(this.rows * this.cols);
    for (const [data, top, left] of parts) {
      const width = Math.min(wide, this.cols - left);
      for (let r = 0; r < Math.min(tall, this.rows - top); r++) {
        out.set(data.subarray(r * wide, r * wide + width), (top + r) * this.cols + left);
      }
    }
    return out;
  }
}

async function chunk(address: string, packed: boolean): Promise<Float32Array> {
  const answer = await fetch(address);
  if (!answer.ok || !answer.body) throw new Fault(answer.status, { title: answer.statusText, found: address });
  const stream = packed ? answer.body.pipeThrough(new DecompressionStream("gzip")) : answer.body;
  return new Float32Array(await new Response(stream).arrayBuffer());
}
