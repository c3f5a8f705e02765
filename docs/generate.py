"""Writes the generated reference pages; ``--check`` says which are out of date or which link leads nowhere."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from backstay.read.schema import SCHEMAS

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def pages() -> dict[Path, str]:
    """Every generated file with its content."""
    return {
        REFERENCE / f"{name}.schema.json": json.dumps(build(), indent=2, ensure_ascii=False) + "\n"
        for name, build in SCHEMAS.items()
    }


def dead_links() -> list[str]:
    """Relative links of the Markdown pages that lead to no file or folder."""
    pages_read = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
    return [
        f"{page.relative_to(ROOT)}: link to {target} leads nowhere"
        for page in pages_read
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists()
    ]


def main() -> int:
    """Write or check; the exit code is 1 when something is wrong."""
    if "--check" not in sys.argv[1:]:
        for path, text in pages().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    faults = [
        f"{path.relative_to(ROOT)}: out of date, run `make docs`"
        for path, text in pages().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    faults += dead_links()
    print("\n".join(faults) or "documentation: generated pages are current, every link leads somewhere")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
