// What the portal's HTTP API answers, as far as pages and panels read it.

export interface Asset {
  href: string;
  type?: string;
  title?: string;
  roles?: string[];
  "file:checksum"?: string;
  "file:size"?: number;
}

export interface Creator {
  name: string;
  orcid?: string;
  affiliation?: string;
}

export interface Column {
  unit?: string;
  units?: string;
  description?: string;
  sign?: string;
}

export interface ItemLink {
  rel: string;
  href: string;
  title?: string;
  type?: string;
  license?: string;
  "landsink:sha256"?: string;
  "landsink:citation"?: string;
}

export interface ItemProperties {
  title: string;
  created: string;
  license?: string;
  description?: string;
  keywords?: string[];
  datetime?: string | null;
  start_datetime?: string | null;
  end_datetime?: string | null;
  "sci:citation"?: string;
  "sci:doi"?: string;
  "landsink:kind"?: string;
  "landsink:specification"?: string;
  "landsink:format"?: string;
  "landsink:sha256"?: string;
  "landsink:record"?: string;
  "landsink:variables"?: string[];
  "landsink:columns"?: Record<string, Column>;
  "landsink:sizes"?: Record<string, number>;
  "landsink:creators"?: Creator[];
  "landsink:embargo"?: string;
  "landsink:previous"?: string;
  "landsink:file"?: string;
  "landsink:method"?: string;
  "landsink:rights"?: string;
  "landsink:station"?: string;
  "landsink:place"?: { utc_offset?: number | null };
  "landsink:contact"?: string;
  "landsink:funding"?: string;
  "landsink:publisher"?: string;
  "landsink:members"?: string[];
  "landsink:generated"?: boolean;
  "landsink:embargoed"?: string | null;
  "landsink:latest"?: string;
  "landsink:versions"?: { id: string; title: string; created: string }[];
  [other: string]: unknown;
}

export interface Item {
  id: string;
  bbox?: [number, number, number, number] | null;
  properties: ItemProperties;
  links: ItemLink[];
  assets: Record<string, Asset>;
}

export type Facets = Record<string, Record<string, number>>;

export interface Found {
  total: number;
  offset: number;
  facets: Facets;
  items: Item[];
}

export interface Lineage {
  id?: string | null;
  name?: string | null;
  title?: string | null;
  kind?: string | null;
  sha256?: string;
  record?: string | null;
  uses?: Lineage[];
}

export interface Usage {
  views: number;
  downloads: number;
}
