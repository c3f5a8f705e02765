"""The command line. No logic here; nothing imports it."""

import gc

gc.set_threshold(100_000, 50, 100)
"""How often the collector of circular garbage looks: a command makes millions of values that live to its end, and the first of
them are its own modules.
"""
