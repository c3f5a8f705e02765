"""How good routing could be: the least possible utilisation of the fullest link, by a linear program (HiGHS).

Traffic to one destination is one commodity: x[t, l] is what link l carries of it. At every router what leaves is what
arrives and what begins there; on every link the sum over t stays below U times its capacity; U is as small as can be.
No routing, however clever, does better; shortest paths with equal split may do worse. Links of unknown capacity are free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backstay.plan.picture import Floats
from backstay.simulate.sweep_input import LoadModel

Places = npt.NDArray[np.int64]

SECONDS = 10.0
INTERIOR_POINT = 50_000
"""Variables from which an interior point method (with a crossover to a vertex) is quicker than the simplex method."""

LARGEST = 3_000_000
"""Variables; beyond that the program does not fit a sensible time or memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """``utilisation`` None: not found, for the reason in ``note``."""

    utilisation: float | None
    note: str = ""


def best_possible(model: LoadModel, seconds: float = SECONDS) -> Best:
    """The least possible highest utilisation; demand without a way is left out."""
    if not np.isfinite(model.capacities).any() or not model.offered:
        return Best(utilisation=0.0)
    demands = _reachable(model)
    destinations = np.flatnonzero(demands.sum(axis=0) > 0)
    if destinations.size * len(model.links) > LARGEST:
        return Best(
            utilisation=None,
            note=f"{destinations.size * len(model.links):,} variables are too many to solve ({LARGEST:,} at most)",
        )
    return _solve(model, demands, destinations, seconds)


def _reachable(model: LoadModel) -> Floats:
    """Demands between routers that have a way at all."""
    size = len(model.routers)
    near = np.eye(size, dtype=bool)
    near[model.tails, model.heads] = True
    while True:
        wider = (near.astype(np.float32) @ near.astype(np.float32)) > 0
        if (wider == near).all():
            break
        near = wider
    demands = np.where(near, model.demands, 0.0)
    np.fill_diagonal(demands, 0.0)
    return demands


def _solve(model: LoadModel, demands: Floats, destinations: Places, seconds: float) -> Best:
    import highspy  # noqa: PLC0415 - needed here alone

    scale = float(model.capacities[np.isfinite(model.capacities)].max()) or 1.0
    solver = _solver(highspy)
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("time_limit", float(seconds))
    solver.setOptionValue("threads", 1)
    program = _Program(model, demands / scale, destinations, scale)
    if program.flows > INTERIOR_POINT:
        solver.setOptionValue("solver", "ipm")
    solver.passModel(program.fill(highspy.HighsLp(), highspy.MatrixFormat.kColwise))
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return Best(utilisation=float(solver.getObjectiveValue()))
    if status == highspy.HighsModelStatus.kTimeLimit:
        return Best(utilisation=None, note=f"not solved within {seconds:g} s")
    return Best(utilisation=None, note=f"the solver ended with: {solver.modelStatusToString(status)}")


def _solver(library: Any) -> Any:
    return library.Highs()


class _Program:
    """The program as columns and rows. Columns: x by destination, then link; U last. Rows: a balance by destination, then
    router; then one for each link of known capacity.
    """

    def __init__(self, model: LoadModel, demands: Floats, destinations: Places, scale: float) -> None:
        self.links, self.routers, self.many = len(model.links), len(model.routers), len(destinations)
        self.tails, self.heads = model.tails.astype(np.int64), model.heads.astype(np.int64)
        self.limited = np.flatnonzero(np.isfinite(model.capacities))
        self.capacities = model.capacities[self.limited] / scale
        self.demands, self.destinations = demands, destinations
        self.flows = self.many * self.links
        self.of, self.link = np.divmod(np.arange(self.flows), self.links)

    def fill(self, program: Any, colwise: Any) -> Any:
        """The solver's own value of it."""
        program.num_col_, program.num_row_ = self.flows + 1, self.many * self.routers + self.limited.size
        program.col_cost_ = np.concatenate([np.zeros(self.flows), [1.0]])
        program.col_lower_, program.col_upper_ = np.zeros(self.flows + 1), self._highest()
        program.row_lower_, program.row_upper_ = self._bounds()
        matrix = program.a_matrix_
        matrix.format_ = colwise
        matrix.num_col_, matrix.num_row_ = program.num_col_, program.num_row_
        rows, cols, values = self._entries()
        order = np.lexsort((rows, cols))
        counts = np.bincount(cols, minlength=self.flows + 1)
        matrix.start_ = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        matrix.index_ = rows[order].astype(np.int32)
        matrix.value_ = values[order]
        return program

    def _highest(self) -> Floats:
        """What has arrived does not leave again."""
        arrived = self.tails[self.link] == self.destinations[self.of]
        return np.concatenate([np.where(arrived, 0.0, np.inf), [np.inf]])

    def _bounds(self) -> tuple[Floats, Floats]:
        """Every router but the destination sends on what comes in and what begins there; limited links stay below U."""
        balance = self.demands[:, self.destinations].T.copy()
        free = np.zeros((self.many, self.routers), dtype=bool)
        free[np.arange(self.many), self.destinations] = True
        none = np.full(self.limited.size, -np.inf)
        lower = np.concatenate([np.where(free, -np.inf, balance).ravel(), none])
        upper = np.concatenate([np.where(free, np.inf, balance).ravel(), np.zeros(self.limited.size)])
        return lower, upper

    def _entries(self) -> tuple[Places, Places, Floats]:
        """(row, column, value) of everything that is not 0."""
        flows = np.arange(self.flows)
        limits = np.full(self.links, -1)
        limits[self.limited] = self.many * self.routers + np.arange(self.limited.size)
        bounded = limits[self.link] >= 0
        leaving = self.of * self.routers + self.tails[self.link]
        arriving = self.of * self.routers + self.heads[self.link]
        rows = np.concatenate([leaving, arriving, limits[self.link][bounded], limits[self.limited]])
        cols = np.concatenate([flows, flows, flows[bounded], np.full(self.limited.size, self.flows)])
        ones = np.ones(self.flows)
        return rows, cols, np.concatenate([ones, -ones, ones[bounded], -self.capacities])
