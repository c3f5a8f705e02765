"""The command line. No logic here; nothing imports it."""
