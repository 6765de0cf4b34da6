"""Seismic waveforms and events."""
