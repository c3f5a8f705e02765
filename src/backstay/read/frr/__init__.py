"""FRR: unified ``frr.conf``, per-daemon files, ``show running-config`` output, Cumulus Linux files.

`read_router` text to value; `merge` typed lines into it; `operation` exec commands; `looks_like` which text is ours.
"""

from backstay.read.frr.detect import looks_like
from backstay.read.frr.merge import merge
from backstay.read.frr.operation import operation
from backstay.read.frr.router import read_router

__all__ = ["looks_like", "merge", "operation", "read_router"]
