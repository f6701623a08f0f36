import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const server = process.env.LANDSINK_SERVER ?? "http://127.0.0.1:8350";

export default defineConfig({
  plugins: [svelte()],
  resolve: {
    // The colour tables are the server's: tiles, legend, map and bulletin show the same colours.
    alias: { "#colours": fileURLToPath(new URL("../src/landsink/portal/colours.json", import.meta.url)) },
  },
  build: {
    // scripts/place.mjs brings it from here to where the server reads it
    outDir: "dist",
    target: "es2023",
    // nothing inlined as data:, no inline script: the content security policy stays strict
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // the map library is one chunk of 1 MB raw; scripts/budget.mjs holds the budget, gzipped
    chunkSizeWarningLimit: 1400,
  },
  server: { proxy: { "/api": server, "/zarr": server }, fs: { allow: [".."] } },
});
