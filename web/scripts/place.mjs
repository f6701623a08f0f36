// Puts the built page where the server reads it, without a moment in which it is not there: the parts first, then the
// page that names them, and only then what an earlier build left goes.
import { cpSync, copyFileSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const built = fileURLToPath(new URL("../dist", import.meta.url));
const folder = process.env.LANDSINK_PAGE ?? fileURLToPath(new URL("../../src/landsink/portal/page", import.meta.url));
mkdirSync(folder, { recursive: true });
const parts = readdirSync(built).filter((name) => name !== "index.html");
for (const name of parts) cpSync(`${built}/${name}`, `${folder}/${name}`, { recursive: true });
copyFileSync(`${built}/index.html`, `${folder}/.index.html`);
renameSync(`${folder}/.index.html`, `${folder}/index.html`);
const wanted = new Set(readdirSync(`${built}/assets`));
for (const name of readdirSync(`${folder}/assets`)) if (!wanted.has(name)) rmSync(`${folder}/assets/${name}`);
