// A regular grid of longitude and latitude. Rows may run north or south; columns may wrap or cover a part of the Earth.
import type { Box, Position } from "./contract";

export interface Cell {
  row: number;
  col: number;
}

export class Grid {
  readonly rows: number;
  readonly cols: number;
  /** Outer edge of the first column and row, and the signed step, in degrees. */
  readonly west: number;
  readonly first: number;
  readonly dlon: number;
  readonly dlat: number;

  constructor(
    readonly lat: number[],
    readonly lon: number[],
  ) {
    this.rows = lat.length;
    this.cols = lon.length;
    this.dlat = step(lat);
    this.dlon = step(lon);
    this.west = lon[0] - this.dlon / 2;
    this.first = lat[0] - this.dlat / 2;
  }

  /** The cell that holds a place, or null outside. */
  cell([lon, lat]: Position): Cell | null {
    const turned = (((lon - this.west) % 360) + 360) % 360;
    const col = Math.floor(turned / this.dlon);
    const row = Math.floor((lat - this.first) / this.dlat);
    return col < this.cols && row >= 0 && row < this.rows ? { row, col } : null;
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
    const last = this.first + this.rows * this.dlat;
    return [this.west, Math.min(this.first, last), this.west + this.cols * this.dlon, Math.max(this.first, last)];
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

function step(axis: number[]): number {
  return axis.length > 1 ? (axis[axis.length - 1] - axis[0]) / (axis.length - 1) : 1;
}

/** Area of a cell's row on a sphere, relative to the equator: the weight of a mean over shared cells. */
export function weight(lat: number): number {
  return Math.cos((lat * Math.PI) / 180);
}
