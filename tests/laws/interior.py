"""Interior routing, drawn: IS-IS, OSPFv2 and OSPFv3, both side by side, static routes."""

from __future__ import annotations

from tests.laws.isis import Isis
from tests.laws.ospf import OspfDrawing
from tests.laws.statics import Statics


class Interior(Isis, OspfDrawing, Statics):
    """A network with interior routing."""

    def interior(self) -> None:
        kind = self.pick("isis", "ospf", "split", "none")
        everyone = set(self.numbers)
        if kind in {"isis", "none"}:
            self.set_apart()
        if kind == "isis":
            self.isis(everyone)
        elif kind == "ospf":
            self.ospf(everyone)
        elif kind == "split":
            self.split()

    def split(self) -> None:
        """IS-IS on one side, OSPF on the other; routers of both redistribute."""
        left = {router for router in self.numbers if self.pick(True, False)} or {1}
        border = self.number(1, self.size)
        right = (set(self.numbers) - left) | {border}
        left |= {border}
        self.isis(left)
        self.ospf(right)
        level = 1 if any(line == "is-type level-1" for line in self.lines[border].isis) else 2
        for version in self.versions:
            into = self.lines[border].ospf if version == 4 else self.lines[border].ospf6
            into.append(f"redistribute isis{''.join(self.ospf_import(border, version)) if self.chance(4) else ''}")
            word = "ospf" if version == 4 else "ospf6"
            self.lines[border].isis.append(f"redistribute ipv{version} {word} level-{level}")
