"""Fly's Managed Postgres on this machine: each cluster is a real Postgres of its own."""
