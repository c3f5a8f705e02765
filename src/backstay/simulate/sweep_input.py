"""What a capacity sweep is asked about: a network as arrays, and the things in it that can fail.

Everything is checked here, once: the native core believes what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backstay.model.errors import InputError, UsageError

LARGEST_METRIC = 2**31 - 1
"""Of one link; sums are 64 bits wide where they need to be. IS-IS has 2^24 - 1 at most, OSPF 2^16 - 1."""

MOST_ROUTERS = 65_535
MOST_SCENARIOS = 10**9

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Things that fail together. ``links`` and ``routers`` are indices of directed links and of routers; a router takes
    all of its links with it. ``kind``: link, router, srlg, or any word. ``lessened`` are links that stay up with less
    capacity, (link, Mbit/s that are gone): a member of a bundle; what several failures take of one link adds up.
    """

    kind: str
    name: str
    links: tuple[int, ...] = ()
    routers: tuple[int, ...] = ()
    lessened: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadModel:
    """A network as arrays: routers, directed links, what they cost and carry, and who sends how much to whom.

    ``tails`` and ``heads`` index ``routers``; parallel links are separate entries and each is a next hop of its own;
    the two directions of a link are two entries, each with its own metric and capacity. ``capacities`` in Mbit/s, infinite
    where nobody knows or cares. ``demands[a, b]`` is Mbit/s from router a to router b; the diagonal does not count.
    ``failures`` are what can fail. Arrays are copied and not writable.
    """

    routers: tuple[str, ...]
    links: tuple[str, ...]
    tails: Indices
    heads: Indices
    metrics: Indices
    capacities: Floats
    demands: Floats
    failures: tuple[Failure, ...] = ()

    @property
    def offered(self) -> float:
        """Mbit/s of demand between different routers."""
        return float(self.demands.sum() - np.trace(self.demands))


def load_model(
    routers: Sequence[str],
    links: Sequence[str],
    tails: npt.ArrayLike,
    heads: npt.ArrayLike,
    metrics: npt.ArrayLike,
    capacities: npt.ArrayLike,
    demands: npt.ArrayLike,
    failures: Iterable[Failure] = (),
) -> LoadModel:
    """A `LoadModel` of anything array-like; raises `InputError` that names the first router, link or demand at fault."""
    names = tuple(routers)
    if len(names) > MOST_ROUTERS:
        raise UsageError(f"{len(names)} routers; a sweep takes at most {MOST_ROUTERS}")
    _once("router", names)
    link_names = tuple(links)
    _once("link", link_names)
    model = LoadModel(
        routers=names,
        links=link_names,
        tails=_ends(tails, link_names, names, "tail"),
        heads=_ends(heads, link_names, names, "head"),
        metrics=_metrics(metrics, link_names),
        capacities=_amounts(
            capacities, (len(link_names),), "capacity", lambda at: f"link {link_names[at[0]]}", inf=True
        ),
        demands=_amounts(
            demands, (len(names), len(names)), "demand", lambda at: f"{names[at[0]]} to {names[at[1]]}", inf=False
        ),
        failures=tuple(failures),
    )
    _check_failures(model)
    return model


def _once(what: str, names: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"{what} {name} is there twice")
        seen.add(name)


def _frozen(array: npt.NDArray[np.generic]) -> None:
    array.flags.writeable = False


def _ends(values: npt.ArrayLike, links: tuple[str, ...], routers: tuple[str, ...], what: str) -> Indices:
    found = _integers(values, links, what)
    for link in np.flatnonzero((found < 0) | (found >= len(routers)))[:1]:
        raise InputError(f"link {links[link]}: {what} {found[link]} is no router; expected 0 to {len(routers) - 1}")
    result = found.astype(np.uint32)
    _frozen(result)
    return result


def _metrics(values: npt.ArrayLike, links: tuple[str, ...]) -> Indices:
    found = _integers(values, links, "metric")
    for link in np.flatnonzero((found < 1) | (found > LARGEST_METRIC))[:1]:
        raise InputError(f"link {links[link]}: metric {found[link]}; expected 1 to {LARGEST_METRIC}")
    result = found.astype(np.uint32)
    _frozen(result)
    return result


def _integers(values: npt.ArrayLike, links: tuple[str, ...], what: str) -> npt.NDArray[np.int64]:
    given = np.asarray(values)
    if given.shape != (len(links),):
        raise InputError(f"{what}: expected one for each of the {len(links)} links, got shape {given.shape}")
    if given.size == 0:
        return np.zeros(0, dtype=np.int64)
    if given.dtype.kind == "f":
        for link in np.flatnonzero(~np.isfinite(given) | (given != np.floor(given)))[:1]:
            raise InputError(f"link {links[link]}: {what} {given[link]} is not a whole number")
    elif given.dtype.kind not in "iu":
        raise InputError(f"{what}: expected whole numbers, got {given.dtype}")
    return given.astype(np.int64)


def _amounts(
    values: npt.ArrayLike, shape: tuple[int, ...], what: str, name: Callable[[tuple[int, ...]], str], *, inf: bool
) -> Floats:
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what}: expected numbers") from None
    if found.shape != shape:
        raise InputError(f"{what}: expected shape {shape}, got {found.shape}")
    wrong = np.isnan(found) | (found < 0)
    if not inf:
        wrong |= np.isinf(found)
    for index in np.argwhere(wrong)[:1]:
        at = tuple(int(part) for part in index)
        raise InputError(f"{name(at)}: {what} {found[at]} Mbit/s; expected a number of at least 0")
    _frozen(found)
    return found


def _check_failures(model: LoadModel) -> None:
    for failure in model.failures:
        if not failure.links and not failure.routers and not failure.lessened:
            raise InputError(f"{failure.kind} {failure.name} names nothing that could fail")
        for values, most, what in (
            (failure.links, len(model.links), "link"),
            (tuple(link for link, _ in failure.lessened), len(model.links), "link"),
            (failure.routers, len(model.routers), "router"),
        ):
            for value in values:
                if not 0 <= value < most:
                    raise InputError(f"{failure.kind} {failure.name}: no {what} {value}; expected 0 to {most - 1}")
        for link, mbps in failure.lessened:
            if not 0 <= mbps < np.inf:
                raise InputError(
                    f"{failure.kind} {failure.name}: link {model.links[link]} is to lose {mbps} Mbit/s; "
                    "expected a number of at least 0"
                )


def chosen_failures(model: LoadModel, kinds: Iterable[str] | None, exclude: Iterable[str]) -> tuple[Failure, ...]:
    """The model's failures of these kinds (None: all) but the excluded names, in the model's order.

    Raises `UsageError` for a kind or a name that the model does not have.
    """
    known_kinds = {failure.kind for failure in model.failures}
    wanted = known_kinds if kinds is None else set(kinds)
    for kind in sorted(wanted - known_kinds):
        raise UsageError(f"nothing of kind {kind} can fail here; there are {', '.join(sorted(known_kinds)) or 'none'}")
    left_out = set(exclude)
    for name in sorted(left_out - {failure.name for failure in model.failures}):
        raise UsageError(f"exclude: nothing called {name} can fail here")
    return tuple(item for item in model.failures if item.kind in wanted and item.name not in left_out)


def count_scenarios(failures: int, at_once: int) -> int:
    """How many scenarios there are with up to so many of the failures at once, none of them included.

    Raises `UsageError` for more than this can do.
    """
    if at_once < 0:
        raise UsageError(f"{at_once} failures at once: expected 0, 1 or 2")
    if at_once > 2:
        count = _up_to(failures, at_once)
        raise UsageError(
            f"{at_once} failures at once ({count:,} scenarios of {failures:,} things that fail): a sweep takes 0, 1 or 2; "
            "give the combinations that matter as failures of their own, or fewer kinds"
        )
    count = _up_to(failures, at_once)
    if count > MOST_SCENARIOS:
        raise UsageError(
            f"{count:,} scenarios are more than {MOST_SCENARIOS:,}: take fewer failures at once, fewer kinds, or exclude some"
        )
    return count


def _up_to(failures: int, at_once: int) -> int:
    total = term = 1
    for taken in range(1, at_once + 1):
        term = term * (failures - taken + 1) // taken
        total += term
    return total
