"""The square of `tests.plan.square` as a folder of FRR configurations, for what is typed and read again.

Sites a, b, c, d (all pops) with one router each; demand a to d; the operators sit at a and reach everybody in-band, and by an
out-of-band network of its own.
"""

from __future__ import annotations

from pathlib import Path

LINKS = {"a-b": (1, 100), "b-d": (2, 100), "a-c": (3, 100), "c-d": (4, 50)}

INTENT = """\
name: ring
sites:
  sa: {{role: pop, routers: [a], domain: west}}
  sb: {{role: pop, routers: [b], domain: {b}}}
  sc: {{role: pop, routers: [c], domain: {c}}}
  sd: {{role: pop, routers: [d], domain: east}}
links:
{links}
access:
  noc: {{kind: in-band, source: sa, targets: ["*"]}}
  console: {{kind: out-of-band, source: sa, targets: ["*"]}}
"""


def write(
    folder: Path, demands: str, *, overloaded: str = "", shut: str = "", domains: tuple[str, str] = ("north", "south")
) -> Path:
    """``demands`` are rows of demands.csv below their header; ``overloaded`` routers have the bit, ``shut`` is
    ``router:interface``.
    """
    (folder / "configs").mkdir(parents=True)
    for name in "abcd":
        text = _config(name, overloaded=name in overloaded, shut=shut)
        (folder / "configs" / f"{name}.conf").write_text(text, encoding="utf-8")
    links = "\n".join(
        f'  "{one}:to-{other}--{other}:to-{one}": {{capacity: {LINKS[f"{one}-{other}"][1]}M}}'
        for one, other in (name.split("-") for name in LINKS)
    )
    (folder / "backstay.yaml").write_text(INTENT.format(links=links, b=domains[0], c=domains[1]), encoding="utf-8")
    (folder / "demands.csv").write_text(demands, encoding="utf-8")
    return folder


def link(name: str) -> str:
    one, other = name.split("-")
    return f"{one}:to-{other}--{other}:to-{one}"


def _config(name: str, *, overloaded: bool, shut: str) -> str:
    number = "abcd".index(name) + 1
    lines = ["frr version 8.4.4", "frr defaults traditional", f"hostname {name}", "!", "router isis CORE"]
    lines += [f" net 49.0001.0000.0000.000{number}.00", " is-type level-2-only", " metric-style wide"]
    lines += [" set-overload-bit"] if overloaded else []
    lines += ["exit", "!", "interface lo", f" ip address 10.255.0.{number}/32", " ip router isis CORE", " isis passive"]
    for link_name, (subnet, _) in LINKS.items():
        if name in link_name:
            other = link_name.replace("-", "").replace(name, "")
            lines += ["exit", "!", f"interface to-{other}"]
            lines += [" shutdown"] if shut == f"{name}:to-{other}" else []
            lines += [f" ip address 10.0.{subnet}.{link_name.split('-').index(name)}/31", " ip router isis CORE"]
            # The link a-b has its metric written down on a; everywhere else FRR's default of 10 holds.
            lines += [" isis metric 10"] if link_name == "a-b" and name == "a" else []
            lines += [" isis network point-to-point"]
    return "\n".join([*lines, "exit", "!", "end", ""])
