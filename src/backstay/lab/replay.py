"""A replay: the network comes up from nothing, the change is typed, what follows is watched, and the way back is typed.

Nothing is simulated and nothing slept for: every second in the timeline was measured on real routers, DNS servers, and
packets.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from backstay.lab import record
from backstay.lab.build import Progress, up
from backstay.lab.design import NEIGHBOR, Node
from backstay.lab.dns import probe_name
from backstay.lab.keyboard import type_stage
from backstay.lab.namespace import inside
from backstay.lab.places import Stand, stands
from backstay.lab.record import Content, Record
from backstay.lab.recording import keep_recordings
from backstay.lab.requirements import program
from backstay.lab.stillness import settle
from backstay.lab.teardown import down
from backstay.lab.timeline import NAMES, OPERATORS, SHORT, Timeline
from backstay.lab.watch import Watch
from backstay.model.change import Plan, Stage
from backstay.model.endpoints import addresses, loopback
from backstay.model.errors import Unproven
from backstay.model.selection import select

READY = 60.0
"""Seconds the network has to come up with every probe good."""
WATCHED = 60.0
"""Seconds that what follows a command is watched at most."""
AFTERMATH = 4.0
"""Seconds without any event until what follows is taken to be over."""


def replay(
    plan: Plan,
    *,
    identity: str = "",
    source: str = "",
    heard: Path | None = None,
    tell: Progress = lambda _: None,
) -> Timeline:
    """Replay a change on the real network, torn down again whatever happens. What outside speakers heard is kept in the
    folder ``heard``, as MRT and BMP.

    Raises `EnvironmentError_` for what the machine lacks, `Unproven` when the network does not come up.
    """
    return _Replay(plan, tell).run(identity, source, heard)


class _Replay:
    def __init__(self, plan: Plan, tell: Progress) -> None:
        self.plan, self.tell = plan, tell
        self.timeline = Timeline(network=plan.before.name, change=plan.change.title)

    def run(self, identity: str, source: str, heard: Path | None) -> Timeline:
        zero = time.time()
        later = [stage.network for stage in (*self.plan.stages, *(self.plan.rollback or ()))]
        self._phase(0.0, "building", f"from nothing: {len(self.plan.before.routers)} routers are built")
        kept = up(self.plan.before, identity=identity, source=source, later=later, bound=True, tell=self.tell)
        try:
            content = record.content(kept)
            with Watch(kept, content, self.timeline, zero) as watch:
                self._acts(kept, content, watch)
            if heard is not None:
                keep_recordings(kept, content.design, heard)
        finally:
            down(kept)
        return self.timeline

    def _acts(self, kept: Record, content: Content, watch: Watch) -> None:
        self._until(watch.all_good, READY, lambda: f"waiting for {watch.missing()}")
        if not watch.all_good():
            raise Unproven(f"the network did not come up in {READY:.0f} s: {watch.missing()}")
        self._phase(watch.now(), "working", "every probe is good: " + self._score(watch))
        settle(kept, content, tell=self.tell)
        self._show(kept, content, watch)
        self._phase(watch.now(), "command", f"the change is typed: {self.plan.change.title}")
        self._type(kept, content, watch, self.plan.stages)
        self._aftermath(watch)
        self._note_end(watch, "what is left")
        self._show(kept, content, watch)
        if self.plan.rollback:
            self._phase(watch.now(), "restore", "the way back is typed")
            self._type(kept, content, watch, self.plan.rollback)
            self._until(watch.all_good, READY, lambda: f"waiting for {watch.missing()}")
            self._note_end(watch, "restored" if watch.all_good() else "not all came back")
            self._show(kept, content, watch)
        self._phase(watch.now(), "end", "everything is taken down")

    # ----------------------------------------------------------------------------------- parts

    def _phase(self, at: float, name: str, text: str) -> None:
        self.timeline.add(at, "phase", name, text)
        self.tell(text)

    def _note_end(self, watch: Watch, name: str) -> None:
        self.timeline.add(watch.now(), "phase", name, f"{name}: {self._score(watch)}")

    def _score(self, watch: Watch) -> str:
        counts = {name: watch.count(name) for name in SHORT}
        return ", ".join(f"{SHORT[name]} {good}/{total}" for name, (good, total) in counts.items() if total)

    def _type(self, kept: Record, content: Content, watch: Watch, stages: Sequence[Stage]) -> None:
        for stage in stages:
            begun = watch.now()
            answers = type_stage(kept, content, stage)
            refused = [item for item in answers if item.complaint]
            text = f"typed on {len(answers)} routers in {watch.now() - begun:.2f} s ({_shown_lines(stage)})"
            self.timeline.add(begun, "typed", ", ".join(stage.routers), text)
            for item in refused:
                self.timeline.add(watch.now(), "refused", item.router, f"{item.router} refuses: {item.complaint}")
            self.tell(text)

    def _until(self, good: Callable[[], bool], patience: float, text: Callable[[], str]) -> None:
        late = time.monotonic() + patience
        while not good() and time.monotonic() < late:
            self.tell(text())
            time.sleep(0.05)

    def _aftermath(self, watch: Watch) -> None:
        """Wait until nothing has happened for a while, and every probe has looked again since."""
        late = time.monotonic() + WATCHED
        while time.monotonic() < late:
            last = max(item.at for item in self.timeline.happenings)
            if watch.now() - last > AFTERMATH and watch.at_rest(last):
                return
            self.tell(f"watching: {self._score(watch)}")
            time.sleep(0.1)

    def _show(self, kept: Record, content: Content, watch: Watch) -> None:
        """What a user's dig and an operator's ssh print at this moment."""
        for subject, where, words in (*_dig(content), *_ssh(kept, content)):
            at = watch.now()
            self.timeline.add(at, "shown", subject, _printed(kept, where, words))


def _shown_lines(stage: Stage) -> str:
    lines = [line.strip() for line in (*stage.step.config.splitlines(), *stage.step.commands) if line.strip()]
    return "; ".join(lines[:4]) + ("; ..." if len(lines) > 4 else "")


Look = tuple[str, str, list[str]]
"""What a reader sees typed, the node it is typed at, the words that are run."""


def _dig(content: Content) -> Iterator[Look]:
    """One user outside asks for a name."""
    for node in _with_users(content)[:1]:
        for stand in stands(content.network, content.design, node.subject)[:1]:
            for anycast in list(content.network.anycasts)[:1]:
                servers = addresses(content.network, anycast, stand.source.version)
                name = probe_name(content.network)
                for server in servers[:1]:
                    words = ["-b", str(stand.source), f"@{server}", name, "+nsid", "+time=1", "+retry=0"]
                    yield f"kdig @{server} {name} +nsid    (a user at {node.subject})", stand.node, ["kdig", *words]


def _with_users(content: Content) -> list[Node]:
    """External networks where somebody stands."""
    return [n for n in content.design.of_kind(NEIGHBOR) if stands(content.network, content.design, n.subject)]


def _ssh(kept: Record, content: Content) -> Iterator[Look]:
    """The first operator logs in to the router that is last by name."""
    for path in list(content.network.access_paths.values()):
        if path.kind != "in-band" or not path.source:
            continue
        router = select(content.network, path.targets)[-1]
        to = loopback(content.network.routers[router], 4)
        where = [s for s in stands(content.network, content.design, path.source) if s.source.version == 4]
        if to and where:
            yield (
                f"ssh {to}    (an operator in {path.source}, to {router})",
                where[0].node,
                _ssh_words(kept, where[0], str(to)),
            )
        return


def _ssh_words(kept: Record, stand: Stand, to: str) -> list[str]:
    options = [
        "BatchMode=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "ConnectTimeout=2",
        "LogLevel=ERROR",
    ]
    flags = [word for option in options for word in ("-o", option)]
    return ["ssh", *flags, "-i", str(kept.folder / "ssh" / "operator"), "-b", str(stand.source), f"root@{to}"]


def _printed(kept: Record, node: str, words: list[str]) -> str:
    with inside(kept.namespaces[node]):
        try:
            done = subprocess.run(
                [program(words[0]) or words[0], *words[1:]],
                capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=10,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return "timed out"
    kept_lines = [line for line in (done.stdout + done.stderr).splitlines() if _worth_showing(words[0], line)]
    return "\n".join(kept_lines[:6]) or f"exit code {done.returncode}"


def _worth_showing(name: str, line: str) -> bool:
    if name != "kdig":
        return bool(line.strip())
    return "status:" in line or "NSID" in line or "timed out" in line or "WARNING" in line or "\tA\t" in line


def outage_seen(timeline: Timeline) -> bool:
    """Whether names or the operators' way in were lost at any time after the command."""
    start = timeline.phase("command")
    if start is None:
        return False
    return any(
        sample.good < sample.total
        for series in (NAMES, OPERATORS)
        for sample in timeline.samples.get(series, ())
        if sample.at >= start
    )
