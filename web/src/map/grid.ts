// A regular grid of longitude and latitude. Rows may run north or south; columns may wrap or cover a part of the Earth.
import type { Box, Position } from "./contract";

export interface Cell {
  row: number;
  col: number;
}

/** A part of a map at a level: rows and columns of it, from `top` and `left` to before `bottom` and `right`. */
export interface Window {
  /** 0 is the finest; a cell of level n holds 2ⁿ by 2ⁿ of its. */
  level: number;
  top: number;
  bottom: number;
  left: number;
  /** May lie beyond the last column: the window goes on at the first. */
  right: number;
}

/** What cannot be told from the centres: steps, and how far the outer cells reach. */
interface Reach {
  dlat: number;
  dlon: number;
  spanLat: number;
  spanLon: number;
}

export class Grid {
  readonly rows: number;
  readonly cols: number;
  /** Outer edge of the first column and row, and the signed step, in degrees. */
  readonly west: number;
  readonly first: number;
  readonly dlon: number;
  readonly dlat: number;
  /** How far it reaches from the outer edges, signed, in degrees: the last cells of a coarser map may be cut. */
  readonly spanLon: number;
  readonly spanLat: number;

  constructor(
    readonly lat: number[],
    readonly lon: number[],
    reach?: Reach,
  ) {
    this.rows = lat.length;
    this.cols = lon.length;
    this.dlat = reach?.dlat ?? step(lat);
    this.dlon = reach?.dlon ?? step(lon);
    this.spanLat = reach?.spanLat ?? this.dlat * this.rows;
    this.spanLon = reach?.spanLon ?? this.dlon * this.cols;
    this.west = lon[0] - this.dlon / 2;
    this.first = lat[0] - this.dlat / 2;
  }

  /** The cell that holds a place, or null outside. */
  cell([lon, lat]: Position): Cell | null {
    const turned = (((lon - this.west) % 360) + 360) % 360;
    const col = Math.floor(turned / this.dlon);
    const row = Math.floor((lat - this.first) / this.dlat);
    const inside = turned < this.spanLon && (lat - this.first) / this.spanLat < 1;
    return inside && col < this.cols && row >= 0 && row < this.rows ? { row, col } : null;
  }

  /** The grid of a coarser map: half as fine at every level, cut where this one ends. */
  coarser(level: number): Grid {
    if (!level) return this;
    const [dlat, dlon] = [this.dlat * 2 ** level, this.dlon * 2 ** level];
    const lat = centres(this.first, dlat, Math.ceil(this.rows / 2 ** level));
    const lon = centres(this.west, dlon, Math.ceil(this.cols / 2 ** level));
    return new Grid(lat, lon, { dlat, dlon, spanLat: this.spanLat, spanLon: this.spanLon });
  }

  /** The grid of a part of this one. */
  cut({ top, bottom, left, right }: Window): Grid {
    const { dlat, dlon } = this;
    const [lat, lon] = [centres(this.first + top * dlat, dlat, bottom - top), centres(this.west + left * dlon, dlon, right - left)];
    const spanLat = bottom < this.rows ? (bottom - top) * dlat : this.spanLat - top * dlat;
    const spanLon = right === this.cols ? this.spanLon - left * dlon : (right - left) * dlon;
    return new Grid(lat, lon, { dlat, dlon, spanLat, spanLon });
  }

  centre({ row, col }: Cell): Position {
    return [this.lon[col], this.lat[row]];
  }

  /** The four corners of a cell, closed. */
  corners({ row, col }: Cell): Position[] {
    const [w, s] = [this.west + col * this.dlon, this.first + row * this.dlat];
    const [e, n] = [w + this.dlon, s + this.dlat];
    return [[w, s], [e, s], [e, n], [w, n], [w, s]];
  }

  get box(): Box {
    const last = this.first + this.spanLat;
    return [this.west, Math.min(this.first, last), this.west + this.spanLon, Math.max(this.first, last)];
  }

  /** Cells whose centres lie in a box, row by row. */
  *within([west, south, east, north]: Box): Generator<Cell> {
    const wide = east - west >= 360;
    for (let row = 0; row < this.rows; row++) {
      if (this.lat[row] < south || this.lat[row] > north) continue;
      for (let col = 0; col < this.cols; col++) {
        const turned = (((this.lon[col] - west) % 360) + 360) % 360;
        if (wide || turned <= east - west) yield { row, col };
      }
    }
  }
}

/** Cells of the map that are one tile's side on the server: windows end there, so that they seldom change. */
const TILE = 512;

/** The part of a map that a box needs, in whole tiles. */
export function spanned(map: Grid, [west, south, east, north]: Box, level: number): Window {
  const rows = [(south - map.first) / map.dlat, (north - map.first) / map.dlat].sort((a, b) => a - b);
  const top = Math.max(0, Math.min(tile(rows[0]), map.rows - 1));
  const bottom = Math.min(map.rows, Math.max(top + 1, Math.ceil(rows[1] / TILE) * TILE));
  const whole = { level, top, bottom, left: 0, right: map.cols };
  const around = 360 / map.dlon;
  const [start, width] = [(((((west - map.west) % 360) + 360) % 360) / map.dlon), (east - west) / map.dlon];
  if (width >= map.cols) return whole;
  if (start + width <= map.cols) return { ...whole, left: tile(start), right: Math.min(map.cols, Math.ceil((start + width) / TILE) * TILE) };
  // Over the seam: columns go on at the first one, where the map goes round in whole cells.
  const round = Math.abs(around - map.cols) < 1e-6;
  const right = map.cols + Math.min(map.cols, Math.ceil((start + width - map.cols) / TILE) * TILE);
  if (round) return right - tile(start) < map.cols ? { ...whole, left: tile(start), right } : whole;
  const [enters, returns] = [start < map.cols, start + width > around];
  if (enters && returns) return whole;
  if (enters) return { ...whole, left: tile(start) };
  return { ...whole, right: Math.min(map.cols, returns ? Math.ceil((start + width - around) / TILE) * TILE : TILE) };
}

const tile = (cells: number) => Math.floor(cells / TILE) * TILE;

function centres(edge: number, step: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => edge + step * (n + 0.5));
}

function step(axis: number[]): number {
  return axis.length > 1 ? (axis[axis.length - 1] - axis[0]) / (axis.length - 1) : 1;
}

/** Area of a cell's row on a sphere, relative to the equator: the weight of a mean over shared cells. */
export function weight(lat: number): number {
  return Math.cos((lat * Math.PI) / 180);
}
