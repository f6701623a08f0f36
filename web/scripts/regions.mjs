// Countries and coasts of the page, from Natural Earth through world-atlas.
//
//   regions.json   every country as polygons cut at the antimeridian: what statistics are taken over
//   basemap.json   land and outlines at 1:110 million: the first map
//   outlines.json  outlines at 1:50 million: fetched when the map is near
//
// world-atlas is stitched on the sphere, so Russia, Fiji and Antarctica cross the antimeridian; d3-geo cuts them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { geoEquirectangular } from 'd3-geo'
import { geoProject } from 'd3-geo-projection'
import { iso31661 } from 'iso-3166'
import { feature, mesh } from 'topojson-client'

const require = createRequire(import.meta.url)
const atlas = (name) => JSON.parse(readFileSync(require.resolve(`world-atlas/${name}.json`), 'utf8'))
const codes = new Map(iso31661.map((row) => [row.numeric, row]))

// Lands that ISO 3166 gives no code: ids from the range that ISO leaves to users, XAA to XZZ.
const UNCODED = {
  Kosovo: ['XKX', 'XK'],
  Somaliland: ['XSO', ''],
  'N. Cyprus': ['XNC', ''],
  'Siachen Glacier': ['XSG', ''],
  'Indian Ocean Ter.': ['XIO', ''],
}

const round = (value, digits) => {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale || 0
}

// Degrees in, degrees out: an equirectangular plane of one unit a degree, which cuts at ±180 and closes over
// the poles. Its y points down, as d3 wants it to tell outer rings from holes; tidy() turns it up.
const plane = geoEquirectangular().scale(180 / Math.PI).translate([0, 0]).precision(0)

function area(ring) {
  let sum = 0
  for (let i = 0; i + 1 < ring.length; i++) sum += ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1]
  return sum / 2
}

function inside(point, ring) {
  let odd = false
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [ring[i], ring[j]]
    if (yi > point[1] !== yj > point[1] && point[0] < ((xj - xi) * (point[1] - yi)) / (yj - yi) + xi) odd = !odd
  }
  return odd
}

// d3 stops a hair before the pole; a polygon of Antarctica must reach it.
const latitude = (y, digits) => (Math.abs(y) > 89.99 ? Math.sign(y) * 90 : round(y, digits))

function tidy(ring, digits) {
  const out = []
  for (const [x, y] of ring) {
    const point = [round(Math.max(-180, Math.min(180, x)), digits), latitude(-y, digits)]
    const last = out.at(-1)
    if (!last || last[0] !== point[0] || last[1] !== point[1]) out.push(point)
  }
  if (out.length && (out[0][0] !== out.at(-1)[0] || out[0][1] !== out.at(-1)[1])) out.push(out[0])
  return out
}

// Outer rings counterclockwise, holes clockwise (RFC 7946).
function cut(geometry, digits) {
  const flat = geoProject(geometry, plane)
  if (!flat) return []
  const polygons = flat.type === 'Polygon' ? [flat.coordinates] : flat.coordinates
  return polygons
    .map((rings) => rings.map((ring) => tidy(ring, digits)).filter((ring) => ring.length >= 4 && area(ring) !== 0))
    .filter((rings) => rings.length)
    .map(([outer, ...holes]) => [
      area(outer) < 0 ? outer.toReversed() : outer,
      ...holes.filter((hole) => inside(hole[0], outer)).map((hole) => (area(hole) > 0 ? hole.toReversed() : hole)),
    ])
}

function countries() {
  const world = atlas('countries-50m')
  const found = new Map()
  for (const land of feature(world, world.objects.countries).features) {
    const name = land.properties.name
    const row = codes.get(land.id)
    const [id, a2] = row ? [row.alpha3, row.alpha2] : (UNCODED[name] ?? [])
    if (!id) throw new Error(`no code for ${name} (${land.id})`)
    const held = found.get(id) ?? { id, a2, name, polygons: [] }
    held.polygons.push(...cut(land.geometry, 3))
    found.set(id, held)
  }
  const rows = [...found.values()].filter((row) => row.polygons.length)
  rows.sort((a, b) => a.name.localeCompare(b.name, 'en'))
  return rows.map(({ id, a2, name, polygons }) => ({
    type: 'Feature',
    id,
    properties: { id, a2, name },
    geometry: polygons.length > 1 ? { type: 'MultiPolygon', coordinates: polygons } : { type: 'Polygon', coordinates: polygons[0] },
  }))
}

// A line that jumps across the antimeridian is broken there, else it would be drawn through every meridian.
function broken(lines, digits) {
  const out = []
  for (const line of lines) {
    let part = []
    for (const point of line) {
      const last = part.at(-1)
      if (last && Math.abs(last[0] - point[0]) > 180) {
        out.push(part)
        part = []
      }
      part.push([round(point[0], digits), round(point[1], digits)])
    }
    out.push(part)
  }
  return out.filter((line) => line.length > 1)
}

function outlines(scale, digits) {
  const world = atlas(`countries-${scale}`)
  const coast = mesh(world, world.objects.countries, (a, b) => a === b)
  const border = mesh(world, world.objects.countries, (a, b) => a !== b)
  return [['coast', coast], ['border', border]].map(([kind, lines]) => ({
    type: 'Feature',
    properties: { kind },
    geometry: { type: 'MultiLineString', coordinates: broken(lines.coordinates, digits) },
  }))
}

function land() {
  const world = atlas('land-110m')
  const shapes = feature(world, world.objects.land)
  const polygons = (shapes.features ?? [shapes]).flatMap((shape) => cut(shape.geometry, 1))
  return { type: 'Feature', properties: { kind: 'land' }, geometry: { type: 'MultiPolygon', coordinates: polygons } }
}

const folder = process.argv[2] ?? fileURLToPath(new URL('../public', import.meta.url))
mkdirSync(folder, { recursive: true })
const write = (name, features) => {
  const text = JSON.stringify({ type: 'FeatureCollection', features })
  writeFileSync(`${folder}/${name}.json`, text)
  console.log(`${name}.json ${features.length} features, ${(text.length / 1e3).toFixed(0)} kB`)
}
write('regions', countries())
write('basemap', [land(), ...outlines('110m', 1)])
write('outlines', outlines('50m', 2))
