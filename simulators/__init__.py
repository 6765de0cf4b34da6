"""Believable sites, faults and replays, with the truth labelled."""
