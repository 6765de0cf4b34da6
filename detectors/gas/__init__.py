"""Gas exposure."""
