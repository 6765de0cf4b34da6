"""How late and how often wrong each statistical detector is: streams, kinds, measuring and the page of it."""
