// Fails the build when the first page grows: all that the map needs before its first picture, gzipped.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT = 1_500_000;
const folder = fileURLToPath(new URL("../dist", import.meta.url));
const size = (name) => gzipSync(readFileSync(`${folder}/${name}`)).length;
const assets = readdirSync(`${folder}/assets`).filter((name) => !name.endsWith(".map"));
const rows = [...assets.map((name) => `assets/${name}`), "index.html", "basemap.json", "icon.svg"].map((name) => [name, size(name)]);
const total = rows.reduce((sum, [, bytes]) => sum + bytes, 0);
for (const [name, bytes] of rows.sort((a, b) => b[1] - a[1]).slice(0, 6)) console.log(`${(bytes / 1e3).toFixed(1).padStart(8)} kB  ${name}`);
console.log(`${(total / 1e3).toFixed(1).padStart(8)} kB  gzipped, of ${LIMIT / 1e3} kB`);
if (total > LIMIT) throw new Error("the page is over its budget");
