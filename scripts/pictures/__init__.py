"""A picture of each detector on simulated data: what it is given, what it derives, when it is active."""
