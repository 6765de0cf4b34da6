"""Showing: the page of the operator, and Grafana as code. Reads and acts only through protocols handed in."""
