"""The audit log: every verdict and every override, in an append-only chain of hashes."""
