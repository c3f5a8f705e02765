"""The keys of `backstay.yaml`, as pydantic models: the JSON Schema is made of these, and of nothing else.

Descriptions here are the reference a user's editor shows. Names become model values in `backstay.read.intent`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from backstay.model.address import Address, Prefix
from backstay.model.network import InterfaceRef
from backstay.read import units

ENGINES = ("fast", "referee", "lab")
"""Engines a team can require; which of them this installation has is the command's to say."""


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": pattern, "examples": list(examples)})


def _rate_or_rates(value: object) -> float | dict[InterfaceRef, float]:
    if isinstance(value, dict):
        return {units.interface_ref(end): units.rate(mbps) for end, mbps in value.items()}
    return units.rate(value)


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a share; for 80 % write 0.8")
    if not 0 < value <= 5:
        raise ValueError(f"{value!r} is not a share between 0 and 5; for 80 % write 0.8")
    return float(value)


def _bare_prefix(value: object) -> object:
    return {"prefix": value} if isinstance(value, str) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


_RATE_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[MGT]?\s*$"}]
}
_RATES_SCHEMA = {"anyOf": [*_RATE_SCHEMA["anyOf"], {"type": "object", "additionalProperties": _RATE_SCHEMA}]}

IpPrefix = Annotated[Prefix, PlainValidator(units.prefix), _text("an IP prefix without host bits", "192.0.2.0/24")]
IpAddress = Annotated[Address, PlainValidator(units.address), _text("an IP address", "192.0.2.1", "2001:db8::1")]
End = Annotated[InterfaceRef, PlainValidator(units.interface_ref), _text("ROUTER:INTERFACE", "fra1:eth0")]
Rates = Annotated[
    float | dict[InterfaceRef, float],
    PlainValidator(_rate_or_rates),
    WithJsonSchema({**_RATES_SCHEMA, "examples": ["100G", 40000]}),
]
Share = Annotated[
    float, PlainValidator(_share), WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 5})
]
Asn = Annotated[int, Field(ge=1, le=4294967295)]
"""RFC 6793: four octets; 0 is reserved (RFC 7607)."""
Selectors = Annotated[
    list[str],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Name = Annotated[str, Field(min_length=1)]
CommunityText = Annotated[str, Field(min_length=1)]


class Shape(BaseModel):
    """Strict: no key but the known ones, no text where a number belongs."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        model_title_generator=lambda model: model.__name__.removesuffix("Shape"),
    )


class SiteShape(Shape):
    """A place with routers."""

    role: Name = Field(description="data-center, pop, dns or any word of yours; selectable as role:WORD")
    routers: list[Name] = Field(default=[], description="routers that stand there")
    prefixes: list[IpPrefix] = Field(default=[], description="what lives there beside the routers' loopbacks")
    position: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        default=None, description="latitude and longitude in degrees"
    )
    domain: Name | None = Field(default=None, description="failure domain (region), for limits.blast_radius")

    @model_validator(mode="after")
    def _on_earth(self) -> SiteShape:
        if self.position and not (abs(self.position[0]) <= 90 and abs(self.position[1]) <= 180):
            raise ValueError(f"position {self.position} is not latitude (-90 to 90), longitude (-180 to 180)")
        return self


class LinkShape(Shape):
    """What configurations do not say about a link."""

    ends: Annotated[list[End], Field(min_length=2)] | None = Field(
        default=None, description="the interfaces it joins; may be left out where the link's name spells them"
    )
    capacity: Rates | None = Field(
        default=None, description="Mbit/s each way (or 500M, 100G, 1.6T), or one value for what each end sends"
    )
    risk_groups: list[Name] = Field(default=[], description="fibres, conduits, panels, buildings it shares with others")
    length_km: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(default=None, description="kilometres")


class AttachmentShape(Shape):
    """Where an external speaker meets us."""

    router: Name
    address: IpAddress = Field(description="the speaker's own address: the BGP neighbour in our configuration")


class AnnouncementShape(Shape):
    """A route an external neighbour offers; a bare prefix has the neighbour's own AS as its path."""

    prefix: IpPrefix
    as_path: list[Asn] | None = Field(default=None, description="starts with the neighbour's own AS")
    med: Annotated[int, Field(ge=0, le=4294967295)] | None = None
    origin: Literal["igp", "egp", "incomplete"] = "igp"
    communities: list[CommunityText] = []


class NeighborShape(Shape):
    """An external network."""

    asn: Asn
    kind: Literal["transit", "peer", "customer", "internal"] = Field(
        description="what it is to us; internal is a speaker of our own, such as a DNS server"
    )
    attachments: list[AttachmentShape] = []
    announces: list[
        Annotated[
            AnnouncementShape,
            BeforeValidator(_bare_prefix, json_schema_input_type=str | AnnouncementShape),
        ]
    ] = Field(default=[], description="routes it offers on every attachment")


class OriginShape(Shape):
    """A place an anycast prefix is announced from."""

    site: Name
    router: Name
    address: IpAddress | None = Field(
        default=None, description="the speaker's address; left out where the router itself originates the prefix"
    )
    asn: Asn | None = None


class HealthShape(Shape):
    """When a site judges itself healthy."""

    targets: list[Name] = Field(default=[], description="sites and services that must answer")
    need: Annotated[int, Field(ge=0)] = Field(default=0, description="how many of them; 0: it never withdraws")

    @model_validator(mode="after")
    def _can_be_met(self) -> HealthShape:
        if self.need > len(self.targets):
            raise ValueError(f"needs {self.need} of {len(self.targets)} targets: no site could ever be healthy")
        return self


class AnycastShape(Shape):
    """A service announced from many sites."""

    prefixes: Annotated[list[IpPrefix], Field(min_length=1)]
    origins: Annotated[list[OriginShape], Field(min_length=1)]
    health: HealthShape = HealthShape()
    floor: Annotated[int, Field(ge=1)] = Field(default=1, description="how many sites must keep announcing")

    @model_validator(mode="after")
    def _floor_can_hold(self) -> AnycastShape:
        sites = len({origin.site for origin in self.origins})
        if self.floor > sites:
            raise ValueError(f"floor {self.floor} is above the number of origin sites, {sites}")
        return self


class ServiceShape(Shape):
    """Something that runs at sites and depends on other things."""

    kind: Name = "service"
    sites: list[Name] = Field(default=[], description="where it runs; none: outside the network")
    needs: list[Name] = Field(default=[], description="services and anycasts it needs, reached from its own site")
    addresses: dict[str, IpAddress] = Field(default={}, description="its address at a site, by site")
    network: bool = Field(default=True, description="false: needs no reachability of its own (a battery door lock)")


class AccessShape(Shape):
    """One way operators have to routers."""

    kind: Literal["in-band", "out-of-band", "on-site"]
    source: Name | None = Field(default=None, description="site, router or external neighbour they work from")
    targets: Annotated[Selectors, Field(min_length=1)] = Field(default=["*"], description="routers it leads to")
    needs: list[Name] = Field(default=[], description="services and anycasts it needs")
    minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="how long it takes"
    )


class TableShape(Shape):
    """The most routes the routers of a role can hold."""

    role: Name
    table: Literal["rib", "igp", "bgp"]
    routes: Annotated[int, Field(ge=1)]
    margin: Annotated[float, Field(ge=0, lt=1)] = Field(default=0.1, description="share kept free")


class LimitsShape(Shape):
    """What the audit holds a change to."""

    utilisation: Share = Field(default=0.8, description="share of capacity a link may carry")
    failure_utilisation: Share = Field(default=1.0, description="the same under any single failure")
    blast_radius: Annotated[int, Field(ge=1)] | None = Field(
        default=1, description="routers of one failure domain a step may touch at once; null: no limit"
    )
    prefix_margin: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.9, description="how close a session may come to its maximum-prefix"
    )
    tables: list[TableShape] = []


class BudgetShape(Shape):
    """What each engine may take for one audit; past it the verdict is UNKNOWN."""

    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(default=600.0, description="by the clock")
    mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(default=3072.0, description="of resident memory")


class FlowShape(Shape):
    """Traffic that must arrive."""

    source: Name = Field(alias="from")
    destination: Name = Field(alias="to")


class ProtectShape(Shape):
    """What must survive every change."""

    implied: bool = Field(default=True, description="flows that follow from the sites' roles")
    prefixes: list[IpPrefix] = Field(default=[], description="must stay announced to some external neighbour")
    flows: dict[Name, FlowShape] = {}


class IntentShape(Shape):
    """backstay.yaml: what router configurations do not say."""

    name: Name | None = Field(default=None, description="the network's name; else the folder's")
    engines: list[Literal["fast", "referee", "lab"]] = Field(default=[], description="engines every audit must hear")
    budget: BudgetShape = BudgetShape()
    sites: dict[Name, SiteShape] = {}
    links: dict[Name, LinkShape] = {}
    neighbors: dict[Name, NeighborShape] = {}
    anycast: dict[Name, AnycastShape] = {}
    services: dict[Name, ServiceShape] = {}
    access: dict[Name, AccessShape] = {}
    limits: LimitsShape = LimitsShape()
    protect: ProtectShape = ProtectShape()
    interfaces_down: list[End] = Field(default=[], description="interfaces seen down though configured up")
