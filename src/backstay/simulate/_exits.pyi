from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int32]
Floats: TypeAlias = npt.NDArray[np.float64]

class Exits:
    def __init__(
        self,
        *,
        nodes: int,
        interfaces: int,
        edges: Ints,
        closed: Ints,
        targets: Ints,
        reflectors: Ints,
        peer_order: Ints,
    ) -> None: ...
    def destinations(
        self,
        *,
        candidates: Ints,
        fixed: Ints,
        rules: Ints,
        rule_begin: Ints,
        branch_begin: Ints,
        branches: Ints,
    ) -> None: ...
    def watch(self, *, columns: Ints, nodes: Ints) -> None: ...
    def traffic(self, *, places: Ints, amounts: Floats, part_begin: Ints, loads: Floats) -> float: ...
    def answer(
        self,
        *,
        edge_begin: Ints,
        edges: npt.NDArray[np.uint32],
        node_begin: Ints,
        nodes: Ints,
        withdrawn_begin: Ints,
        withdrawn: Ints,
        threads: int,
        loads: Floats,
        lost: Floats,
        apart: Floats,
        status: Ints,
        reached: npt.NDArray[np.uint8],
    ) -> None: ...
