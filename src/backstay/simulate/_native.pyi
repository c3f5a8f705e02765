import numpy as np
import numpy.typing as npt

class Tables:
    def __init__(
        self,
        *,
        max_utilisation: npt.NDArray[np.float64],
        worst: npt.NDArray[np.int32],
        lost: npt.NDArray[np.float64],
        over: npt.NDArray[np.int32],
        link_worst: npt.NDArray[np.float64],
        link_cause: npt.NDArray[np.int64],
        loads: npt.NDArray[np.float64] | None,
    ) -> None: ...

class Engine:
    def __init__(
        self,
        nodes: int,
        tails: npt.NDArray[np.uint32],
        heads: npt.NDArray[np.uint32],
        metrics: npt.NDArray[np.uint32],
        capacity: npt.NDArray[np.float64],
        demand: npt.NDArray[np.float64],
    ) -> None: ...
    def prepare(self, threads: int) -> None: ...
    def set_failures(
        self,
        edge_begin: npt.NDArray[np.uint64],
        edges: npt.NDArray[np.uint32],
        node_begin: npt.NDArray[np.uint64],
        nodes: npt.NDArray[np.uint32],
        less_begin: npt.NDArray[np.uint64],
        lessened: npt.NDArray[np.uint32],
        lost: npt.NDArray[np.float64],
    ) -> None: ...
    def singles(self, first: int, last: int, full: bool, threads: int, limit: float, tables: Tables) -> None: ...
    def pairs(
        self, first: int, last: int, until: int, full: bool, threads: int, limit: float, tables: Tables
    ) -> None: ...
    def suspects(self, first: int, last: int, threads: int, limit: float) -> npt.NDArray[np.uint64]: ...
    def chosen_pairs(self, pairs: npt.NDArray[np.uint64], threads: int, limit: float, tables: Tables) -> None: ...
    def memory(self) -> int: ...
