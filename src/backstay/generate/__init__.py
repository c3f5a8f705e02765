"""Makes a complete network folder on a real public topology: what `backstay new` does."""
