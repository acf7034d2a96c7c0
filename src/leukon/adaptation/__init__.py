"""Fitting a bundle to an imaging system that it has not seen, without torch."""
