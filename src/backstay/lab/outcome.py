"""DNS sites, services and the operators' ways in, asked with real packets from where people stand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from backstay.lab.ask import Answer, Ground, banner, needs_hold, works
from backstay.lab.dns import probe_name
from backstay.lab.places import Stand, holder, instance_addresses, stands
from backstay.lab.record import Content, Record, alive
from backstay.model.access import AccessPath, Service
from backstay.model.address import Address
from backstay.model.endpoints import loopback
from backstay.model.errors import Unproven
from backstay.model.flows import sites_of
from backstay.model.selection import select
from backstay.model.source import Remark
from backstay.model.state import PathResult, SiteHealth

PATIENCE = 1.5
MORE_PATIENCE = 6.0
"""Seconds for a question that was not answered in time, when it is asked again: a busy machine answers late, a dead end never."""
AT_ONCE = 64
"""Questions under way at the same time: more make a small machine answer late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    sites: tuple[SiteHealth, ...] = ()
    services: Mapping[str, bool] = field(default_factory=dict)
    access: Mapping[str, tuple[PathResult, ...]] = field(default_factory=dict)
    unknowns: tuple[Remark, ...] = ()


def ground(record: Record, content: Content) -> Ground:
    """Where questions are asked."""
    return Ground(
        network=content.network,
        plan=content.design,
        namespaces=record.namespaces,
        name=probe_name(content.network),
    )


def outcomes(record: Record, content: Content, *, questions: bool = True) -> Outcomes:
    """Ask everything. Without ``questions``, or in a lab without servers, nothing is asked or answered."""
    if not questions or record.agent == (0, 0):
        return Outcomes()
    if not alive(record.agent):
        raise Unproven("the lab's own servers died; what they answered last is no answer")
    asker = _Asker(ground(record, content))
    return asyncio.run(asker.all(sites(record, content)))


def sites(record: Record, content: Content) -> tuple[SiteHealth, ...]:
    """Every DNS site as its health check sees it."""
    path = record.folder / "health.json"
    told = json.loads(path.read_text()) if path.exists() else {}
    found = []
    for anycast in content.network.anycasts.values():
        for site in sorted({origin.site for origin in anycast.origins if origin.address}):
            health = told.get(f"{anycast.name}/{site}", {})
            found.append(
                SiteHealth(
                    anycast=anycast.name,
                    site=site,
                    announced=bool(health.get("announced")),
                    reached=tuple(health.get("reached", ())),
                    failed=tuple(health.get("failed", ())),
                )
            )
    return tuple(found)


async def _insisted(ask: Callable[[float], Awaitable[Answer]]) -> Answer:
    """The answer to a question, asked once more where it did not come in time."""
    first = await ask(PATIENCE)
    return first if first.ok or "timed out" not in first.text else await ask(MORE_PATIENCE)


class _Asker:
    def __init__(self, where: Ground) -> None:
        self.where = where
        self.network, self.plan = where.network, where.plan
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._needs: dict[tuple[str, str], asyncio.Task[Answer]] = {}

    async def all(self, health: tuple[SiteHealth, ...]) -> Outcomes:
        services = {name: await self._holds(name) for name in self.network.services}
        found: dict[str, list[PathResult]] = {name: [] for name in sorted(self.network.routers)}
        asks = [
            (router, self._path(path, router))
            for path in self.network.access_paths.values()
            for router in select(self.network, path.targets)
        ]
        for (router, _), result in zip(asks, await asyncio.gather(*(ask for _, ask in asks)), strict=True):
            found[router].append(result)
        access = {name: tuple(sorted(paths, key=lambda item: item.path)) for name, paths in found.items()}
        return Outcomes(sites=health, services=services, access=access)

    async def _holds(self, name: str) -> bool:
        """Whether some instance of the service holds, asked where it stands."""
        service = self.network.services[name]
        if not service.sites or not service.network:
            places = service.sites or ("",)
            return any([(await self._need(name, place)).ok for place in places])
        own = [
            Stand(node, address)
            for site in service.sites
            for address in instance_addresses(self.network, service, site)
            if (node := holder(self.network, self.plan, address))
        ]
        asks = (self._instance(stand, service) for stand in own)
        return any(answer.ok for answer in await asyncio.gather(*asks))

    async def _instance(self, stand: Stand, service: Service) -> Answer:
        return await _insisted(lambda p: needs_hold(self.where, [stand], service.needs, (service.name,), p))

    async def _need(self, need: str, place: str) -> Answer:
        """Whether a need works from a place; asked once for all who stand there."""
        key = (need, place)
        if key not in self._needs:
            self._needs[key] = asyncio.create_task(self._ask_need(need, place))
        return await self._needs[key]

    async def _ask_need(self, need: str, place: str) -> Answer:
        where = stands(self.network, self.plan, place) if place else ()
        async with self._limit:
            return await _insisted(lambda patience: works(self.where, where, need, (), patience))

    async def _path(self, path: AccessPath, router: str) -> PathResult:
        through: list[str] = []
        broken: list[str] = []
        if path.kind == "in-band":
            await self._in_band(path, router, through, broken)
        elif path.kind not in {"out-of-band", "on-site"}:
            broken.append(f"{path.kind} is no way in that Backstay knows")
        places = (path.source,) if path.source and path.kind != "on-site" else self._own_places(router)
        for need in path.needs:
            answers = [await self._need(need, place) for place in places]
            if any(answer.ok for answer in answers):
                through.append(need)
            else:
                broken.append(f"{need}: {answers[0].text}" if answers else need)
        return PathResult(
            path=path.name, kind=path.kind, works=not broken, through=tuple(through), broken=tuple(broken)
        )

    async def _banner(self, stand: Stand, address: Address) -> Answer:
        return await _insisted(lambda patience: banner(self.where, stand, address, patience))

    def _own_places(self, router: str) -> Sequence[str]:
        return tuple(site.name for site in sites_of(self.network, router)) or (router,)

    async def _in_band(self, path: AccessPath, router: str, through: list[str], broken: list[str]) -> None:
        if path.source is None:
            broken.append("no source is declared to come from")
            return
        own = [a for version in (4, 6) if (a := loopback(self.network.routers[router], version))]
        async with self._limit:
            asks = [
                self._banner(stand, address)
                for stand in stands(self.network, self.plan, path.source)
                for address in own
                if address.version == stand.source.version
            ]
            answers = await asyncio.gather(*asks)
        if any(answer.ok for answer in answers):
            through.append(f"{path.source} to {own[0]} and back")
        else:
            broken.append(f"ssh from {path.source}: {answers[0].text}" if answers else f"{path.source} has no address")
