"""The pages of the STAC interface, as its document tells them."""

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from landsink.portal.records import Item, Link

GEOJSON = "application/geo+json"


class GeoJson(JSONResponse):
    """JSON that says that it is GeoJSON."""

    media_type = GEOJSON


class Landing(BaseModel):
    """A STAC catalogue with what it conforms to."""

    model_config = ConfigDict(populate_by_name=True)
    type: str = Field("Catalog", examples=["Catalog"])
    stac_version: str
    id: str
    title: str
    description: str
    conforms: list[str] = Field(alias="conformsTo")
    links: list[Link]


class Conformance(BaseModel):
    """Classes of requirements that are met."""

    model_config = ConfigDict(populate_by_name=True)
    conforms: list[str] = Field(alias="conformsTo")


class Collection(BaseModel):
    """A STAC collection."""

    model_config = ConfigDict(extra="allow")
    type: str = "Collection"
    stac_version: str
    id: str
    title: str
    description: str
    license: str
    extent: dict[str, Any]
    links: list[Link]


class Collections(BaseModel):
    """All collections."""

    collections: list[Collection]
    links: list[Link]


class Items(BaseModel):
    """A page of items (a GeoJSON feature collection)."""

    model_config = ConfigDict(populate_by_name=True)
    type: str = Field("FeatureCollection", examples=["FeatureCollection"])
    features: list[Item]
    links: list[Link]
    matched: int = Field(alias="numberMatched", description="How many are found in all.")
    returned: int = Field(alias="numberReturned")


class Asked(BaseModel):
    """A search as JSON."""

    bbox: list[float] | None = Field(None, min_length=4, max_length=6, examples=[[5, 45, 15, 55]])
    datetime: str = Field("", max_length=80)
    ids: list[str] | None = Field(None, max_length=1000)
    collections: list[str] | None = Field(None, max_length=50)
    intersects: dict[str, Any] | None = Field(None, description="A GeoJSON geometry.")
    limit: int = Field(10, ge=1, description="At most 1000 are given.")
    token: str = Field("", max_length=100)
