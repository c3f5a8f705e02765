"""Writes a network folder: `configs/`, `backstay.yaml`, `demands.csv`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backstay.generate.design import Design, design
from backstay.generate.frr_config import router_config
from backstay.generate.intent import intent_text
from backstay.model.errors import FolderError


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What was made; its text is one line for people."""

    topology: str
    igp: str
    routers: int
    links: int
    data_centers: tuple[str, ...]
    dns_sites: tuple[str, ...]
    reflectors: tuple[str, ...]
    neighbors: int
    external_prefixes: int
    demands: int
    demand_mbps: int

    def __str__(self) -> str:
        return (
            f"{self.routers} routers, {self.links} links on {self.topology} ({self.igp}); "
            f"data centres {', '.join(self.data_centers)}; DNS at {', '.join(self.dns_sites)}; "
            f"route reflectors {', '.join(self.reflectors)}; {self.neighbors} neighbours with "
            f"{self.external_prefixes} prefixes; {self.demands} demands, {self.demand_mbps / 1e6:.2f} Tbit/s"
        )


def generate(
    topology_key: str,
    output: Path,
    *,
    igp: str = "isis",
    name: str | None = None,
    external_prefixes: int | None = None,
    drained: tuple[str, ...] = (),
) -> Generated:
    """Make a complete network folder on a topohub topology; the same arguments give the same bytes.

    ``name`` is the network's (the topology's by default); ``external_prefixes`` how many prefixes other networks
    announce (40, or 200 in networks of more than 100 routers); ``drained`` routers are out of service already.
    Raises `InputError` for an unknown topology, IGP or router, and for a folder that is not empty or has no parent;
    nothing is written then.
    """
    output = Path(output)
    _check_output(output)
    made = design(topology_key, igp, external_prefixes, drained)
    files = _files(made, name or topology_key.replace("/", "-"))
    (output / "configs").mkdir(parents=True, exist_ok=True)
    for path, text in files:
        (output / path).write_text(text, encoding="utf-8", newline="\n")
    return _summary(made)


def _check_output(output: Path) -> None:
    if not output.absolute().parent.is_dir():
        raise FolderError(f"{output}: its parent folder does not exist; expected a new folder in an existing one")
    if output.exists() and not output.is_dir():
        raise FolderError(f"{output} is a file; expected a new or empty folder")
    if output.is_dir() and any(output.iterdir()):
        raise FolderError(f"{output} is not empty; expected a new or empty folder")


def _files(made: Design, name: str) -> Iterator[tuple[str, str]]:
    for place in range(len(made.names)):
        yield f"configs/{made.router(place)}.conf", router_config(made, place)
    yield "backstay.yaml", intent_text(made, name)
    rows = (f"{one.source},{one.destination},{one.mbps}\n" for one in made.demands)
    yield "demands.csv", "from,to,mbps\n" + "".join(rows)


def _summary(made: Design) -> Generated:
    placing = made.placing
    return Generated(
        topology=made.topology.key,
        igp=made.igp,
        routers=len(made.names),
        links=len(made.ends),
        data_centers=tuple(made.site(place) for place in placing.data_centers),
        dns_sites=tuple(made.site(place) for place in placing.dns_sites),
        reflectors=tuple(made.router(place) for place in placing.reflectors),
        neighbors=len(made.externals),
        external_prefixes=len(
            {offer.prefix for one in made.externals for offer in one.offers if offer.accepted} - {"0.0.0.0/0", "::/0"}
        ),
        demands=len(made.demands),
        demand_mbps=sum(one.mbps for one in made.demands),
    )
