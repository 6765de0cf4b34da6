"""Limit sets, one TOML file a jurisdiction, each value with its clause."""
