// Code that takes a product or an object along: complete, and the same numbers as the page shows.

export interface Cut {
  variable: string;
  bbox: readonly number[];
  from: string;
  to: string;
}

export interface Snippet {
  name: string;
  code: string;
}

/** Python, R and shell for a gridded product; `origin` is this portal's address. */
export function productSnippets(origin: string, id: string, cut: Cut): Snippet[] {
  const [west, south, east, north] = cut.bbox;
  const query = subsetQuery(cut, "netcdf");
  return [
    {
      name: "Python",
      code: `import landsink

ds = landsink.open("${id}", portal="${origin}")
part = ds["${cut.variable}"].sortby("lat").sel(
    lat=slice(${south}, ${north}), lon=slice(${west}, ${east}), time=slice(${stamp(cut.from)}, ${stamp(cut.to)})
)
print(part.mean("time"))`,
    },
    {
      name: "Python (xarray)",
      code: `import xarray as xr  # with zarr >= 3 and obstore
from obstore.store import HTTPStore
from zarr.storage import ObjectStore

there = HTTPStore.from_url("${origin}/zarr/${id}/series", client_options={"allow_http": True})
ds = xr.open_zarr(ObjectStore(there, read_only=True))
part = ds["${cut.variable}"].sortby("lat").sel(
    lat=slice(${south}, ${north}), lon=slice(${west}, ${east}), time=slice(${stamp(cut.from)}, ${stamp(cut.to)})
)
print(part.mean("time"))`,
    },
    {
      name: "R",
      code: `library(httr2)
library(terra)

request("${origin}/api/products/${id}/subset?${query}") |>
  req_perform(path = "${cut.variable}.nc")
r <- rast("${cut.variable}.nc", subds = "${cut.variable}")
plot(mean(r, na.rm = TRUE))`,
    },
    {
      name: "curl",
      code: `curl -o ${cut.variable}.nc \\
  "${origin}/api/products/${id}/subset?${query}"`,
    },
  ];
}

/** Python, R and shell for the bytes of any object. */
export function objectSnippets(origin: string, id: string, format: string, file: string): Snippet[] {
  const address = `${origin}/api/objects/${id}/data`;
  const read = format === "csv" ? `import pandas as pd\n\nprint(pd.read_csv("${address}"))` : "";
  const rows: Snippet[] = [
    {
      name: "Python",
      code: read || `import landsink\n\nprint(landsink.open("${id}", portal="${origin}"))`,
    },
    {
      name: "R",
      code:
        format === "csv"
          ? `rows <- read.csv("${address}", check.names = FALSE)\nprint(head(rows))`
          : `library(httr2)\nrequest("${address}") |> req_perform(path = "${file}")`,
    },
    { name: "curl", code: `curl -o "${file}" \\\n  "${address}"` },
  ];
  return rows;
}

/** An end of a slice in Python; an open one is None. */
function stamp(day: string): string {
  return day ? `"${day}"` : "None";
}

/** The query of a subset. */
export function subsetQuery(cut: Cut, form: "netcdf" | "csv"): string {
  const rows = { variable: cut.variable, bbox: cut.bbox.join(","), from: cut.from, to: cut.to, f: form };
  return Object.entries(rows)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`)
    .join("&");
}
