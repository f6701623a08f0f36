// The picture of one frame, or of two, drawn by the graphics card: every cell in the colour of its own value.
import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibre } from "maplibre-gl";
import type { Rgb } from "./colours";
import type { Grid } from "./grid";
import { FRAGMENT, VERTEX } from "./shader";

export interface Side {
  grid: Grid;
  /** Of the map that the numbers come from: 0 is the product's own cells, n means of 2ⁿ by 2ⁿ of them. */
  level: number;
  value: Float32Array;
  sd: Float32Array | null;
}

export type Uncertainty = "none" | "fade" | "hatch" | "sd";

export interface Picture {
  one: Side;
  other: Side | null;
  mode: "one" | "swipe" | "difference";
  /** In the product's own unit. */
  range: [number, number];
  colours: Rgb[];
  uncertainty: Uncertainty;
  sigmas: number;
  /** Where the swipe stands, as a share of the width. */
  split: number;
}

const ACROSS = 96;
const DOWN = 128;
const TEXTURES = ["u_one", "u_one_sd", "u_two", "u_two_sd", "u_colours"] as const;

interface Program {
  program: WebGLProgram;
  places: Map<string, WebGLUniformLocation | null>;
}

export class PictureLayer implements CustomLayerInterface {
  readonly id = "picture";
  readonly type = "custom" as const;
  readonly renderingMode = "2d" as const;
  private map?: MapLibre;
  private gl?: WebGL2RenderingContext;
  private mesh?: WebGLVertexArrayObject;
  private indices = 0;
  private readonly programs = new Map<string, Program>();
  private readonly textures = new Map<string, WebGLTexture>();
  private readonly filled = new Map<string, unknown>();
  private picture: Picture | null = null;

  onAdd(map: MapLibre, gl: WebGLRenderingContext | WebGL2RenderingContext): void {
    this.map = map;
    this.gl = gl as WebGL2RenderingContext;
    this.build(this.gl);
  }

  onRemove(): void {
    this.programs.clear();
    this.textures.clear();
    this.filled.clear();
  }

  /** Shows another picture; null shows none. Textures are sent only where they changed. */
  show(picture: Picture | null): void {
    this.picture = picture;
    this.map?.triggerRepaint();
  }

  render(context: WebGLRenderingContext | WebGL2RenderingContext, input: CustomRenderMethodInput): void {
    const [gl, picture] = [context as WebGL2RenderingContext, this.picture];
    if (!picture || !this.mesh) return;
    const held = this.program(gl, input);
    gl.useProgram(held.program);
    this.fill(gl, picture);
    this.place(gl, held, picture);
    project(gl, held, input);
    gl.bindVertexArray(this.mesh);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.disable(gl.DEPTH_TEST);
    const flat = (input.defaultProjectionData.projectionTransition ?? 0) === 0;
    for (const turn of flat ? [-1, 0, 1] : [0]) {
      gl.uniform1f(held.places.get("u_turn") ?? null, turn);
      gl.drawElements(gl.TRIANGLES, this.indices, gl.UNSIGNED_SHORT, 0);
    }
    gl.bindVertexArray(null);
  }

  private program(gl: WebGL2RenderingContext, { shaderData }: CustomRenderMethodInput): Program {
    const known = this.programs.get(shaderData.variantName);
    if (known) return known;
    const vertex = `#version 300 es\n${shaderData.vertexShaderPrelude}\n${shaderData.define}\n${VERTEX}`;
    const made = { program: link(gl, vertex, FRAGMENT), places: new Map<string, WebGLUniformLocation | null>() };
    const count = gl.getProgramParameter(made.program, gl.ACTIVE_UNIFORMS) as number;
    for (let i = 0; i < count; i++) {
      const name = gl.getActiveUniform(made.program, i)?.name ?? "";
      made.places.set(name, gl.getUniformLocation(made.program, name));
    }
    this.programs.set(shaderData.variantName, made);
    return made;
  }

  private fill(gl: WebGL2RenderingContext, { one, other, colours }: Picture): void {
    const two = other ?? one;
    this.frame(gl, "u_one", one.grid, one.value);
    this.frame(gl, "u_one_sd", one.grid, one.sd ?? one.value);
    this.frame(gl, "u_two", two.grid, two.value);
    this.frame(gl, "u_two_sd", two.grid, two.sd ?? two.value);
    if (this.filled.get("u_colours") === colours) return;
    const bytes = new Uint8Array(colours.flatMap((rgb) => [...rgb, 255]));
    this.bind(gl, "u_colours");
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, colours.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    this.filled.set("u_colours", colours);
  }

  private frame(gl: WebGL2RenderingContext, name: string, grid: Grid, data: Float32Array): void {
    if (this.filled.get(name) === data) return;
    this.bind(gl, name);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, grid.cols, grid.rows, 0, gl.RED, gl.FLOAT, data);
    this.filled.set(name, data);
  }

  private bind(gl: WebGL2RenderingContext, name: string): void {
    gl.bindTexture(gl.TEXTURE_2D, this.textures.get(name) ?? null);
    // MapLibre leaves these as its images want them; a frame is raw numbers, its first row first.
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
  }

  private place(gl: WebGL2RenderingContext, { places }: Program, picture: Picture): void {
    const at = (name: string) => places.get(name) ?? null;
    const { one, other, mode, range, uncertainty, sigmas, split } = picture;
    TEXTURES.forEach((name, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, this.textures.get(name) ?? null);
      gl.uniform1i(at(name), unit);
    });
    gl.activeTexture(gl.TEXTURE0);
    const two = other ?? one;
    gl.uniform4f(at("u_one_grid"), one.grid.west, one.grid.dlon, one.grid.first, one.grid.dlat);
    gl.uniform4f(at("u_two_grid"), two.grid.west, two.grid.dlon, two.grid.first, two.grid.dlat);
    gl.uniform2f(at("u_one_span"), one.grid.spanLon, one.grid.spanLat);
    gl.uniform2f(at("u_two_span"), two.grid.spanLon, two.grid.spanLat);
    gl.uniform2f(at("u_range"), range[0], range[1]);
    gl.uniform1i(at("u_mode"), other ? ["one", "swipe", "difference"].indexOf(mode) : 0);
    const deviations = one.sd && (mode === "one" || !other || two.sd);
    gl.uniform1i(at("u_uncertainty"), deviations ? ["none", "fade", "hatch", "sd"].indexOf(uncertainty) : 0);
    gl.uniform1f(at("u_sigmas"), deviations ? sigmas : 0);
    gl.uniform1f(at("u_split"), split * gl.drawingBufferWidth);
    gl.uniform1f(at("u_dot"), devicePixelRatio);
  }

  private build(gl: WebGL2RenderingContext): void {
    const { points, triangles } = surface();
    this.mesh = gl.createVertexArray() as WebGLVertexArrayObject;
    gl.bindVertexArray(this.mesh);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    this.indices = triangles.length;
    for (const name of TEXTURES) {
      const texture = gl.createTexture() as WebGLTexture;
      gl.bindTexture(gl.TEXTURE_2D, texture);
      for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
      for (const edge of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, edge, gl.CLAMP_TO_EDGE);
      this.textures.set(name, texture);
    }
  }
}

// The world square, in Mercator coordinates, cut finely enough to bend round the globe. It reaches past 0 and 1, where
// the globe's poles are: MapLibre's own projection turns any Mercator y into a latitude.
function surface(): { points: Float32Array; triangles: Uint16Array } {
  const points: number[] = [];
  const triangles: number[] = [];
  for (let j = 0; j <= DOWN; j++) {
    const latitude = 90 - (180 * j) / DOWN;
    const sine = Math.sin((Math.max(-89.99, Math.min(89.99, latitude)) * Math.PI) / 180);
    const y = 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
    for (let i = 0; i <= ACROSS; i++) points.push(i / ACROSS, y);
  }
  for (let j = 0; j < DOWN; j++) {
    for (let i = 0; i < ACROSS; i++) {
      const a = j * (ACROSS + 1) + i;
      triangles.push(a, a + ACROSS + 1, a + 1, a + 1, a + ACROSS + 1, a + ACROSS + 2);
    }
  }
  return { points: new Float32Array(points), triangles: new Uint16Array(triangles) };
}

function project(gl: WebGL2RenderingContext, { places }: Program, { defaultProjectionData }: CustomRenderMethodInput): void {
  const at = (name: string) => places.get(name) ?? null;
  const data = defaultProjectionData;
  gl.uniformMatrix4fv(at("u_projection_matrix"), false, data.mainMatrix as Float32Array);
  gl.uniformMatrix4fv(at("u_projection_fallback_matrix"), false, data.fallbackMatrix as Float32Array);
  gl.uniform4f(at("u_projection_tile_mercator_coords"), ...(data.tileMercatorCoords as [number, number, number, number]));
  gl.uniform4f(at("u_projection_clipping_plane"), ...(data.clippingPlane as [number, number, number, number]));
  gl.uniform1f(at("u_projection_transition"), data.projectionTransition);
}

function link(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram() as WebGLProgram;
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
    const shader = gl.createShader(kind) as WebGLShader;
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "shader");
    gl.attachShader(program, shader);
  }
  gl.bindAttribLocation(program, 0, "a_pos");
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "program");
  return program;
}
