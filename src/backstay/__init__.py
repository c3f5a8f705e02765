"""Backstay proves a change to a backbone safe before it reaches a router."""
