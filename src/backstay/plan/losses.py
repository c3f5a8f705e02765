"""Who loses what in a scenario."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from backstay.plan.assessment import Loser
from backstay.plan.picture import Hour, Picture
from backstay.plan.scan import LEAST_LOSS, Fault, Question
from backstay.simulate.flows import WHOLE
from backstay.simulate.sweep_input import LoadModel


def losers(picture: Picture, question: Question, hour: Hour, fault: Fault) -> tuple[Loser, ...]:
    """Demands that lose in the scenario more than they do anyway, those of routers that fail themselves left out."""
    if fault.losing is not None:
        return _summed(hour, fault.losing)
    assert picture.model is not None
    links = np.ones(len(picture.model.links), dtype=bool)
    routers = np.ones(len(picture.model.routers), dtype=bool)
    everything = links & True
    for index in fault.failed:
        links[list(question.failures[index].links)] = False
        routers[list(question.failures[index].routers)] = False
    links &= routers[picture.model.tails] & routers[picture.model.heads]
    concerned = np.flatnonzero(routers[hour.sources] & routers[hour.targets] & (hour.sources != hour.targets))
    sources, targets = hour.sources[concerned], hour.targets[concerned]
    cut = ~reached(picture.model, links, sources, targets) & reached(picture.model, everything, sources, targets)
    return _summed(hour, ((int(part), hour.parts[part].mbps) for part in concerned[cut]))


def losers_now(hour: Hour) -> tuple[Loser, ...]:
    """Demands that do not arrive although nothing fails."""
    missing = ((number, hour.parts[number].mbps * float(1 - hour.arrived[number])) for number in range(len(hour.parts)))
    return _summed(hour, ((number, mbps) for number, mbps in missing if hour.arrived[number] < WHOLE))


def _summed(hour: Hour, lost: Iterable[tuple[int, float]]) -> tuple[Loser, ...]:
    amounts: dict[tuple[str, str], float] = defaultdict(float)
    for part, mbps in lost:
        demand = hour.parts[part].demand
        amounts[demand.source, demand.destination] += mbps
    found = [Loser(source=a, destination=b, mbps=mbps) for (a, b), mbps in amounts.items() if mbps > LEAST_LOSS]
    return tuple(sorted(found, key=lambda item: (-item.mbps, item.source, item.destination)))


def reached(
    model: LoadModel, up: npt.NDArray[np.bool_], sources: npt.NDArray[np.intp], targets: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Whether each source has a way to its target over the links that are up."""
    onward: list[list[int]] = [[] for _ in model.routers]
    for tail, head in zip(model.tails[up].tolist(), model.heads[up].tolist(), strict=True):
        onward[tail].append(head)
    found = np.zeros(len(sources), dtype=bool)
    for start in np.unique(sources).tolist():
        here = sources == start
        found[here] = _flooded(onward, start)[targets[here]]
    return found


def _flooded(onward: list[list[int]], start: int) -> npt.NDArray[np.bool_]:
    seen = np.zeros(len(onward), dtype=bool)
    seen[start] = True
    work = [start]
    while work:
        for head in onward[work.pop()]:
            if not seen[head]:
                seen[head] = True
                work.append(head)
    return seen
