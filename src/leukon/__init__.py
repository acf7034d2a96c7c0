"""Leukon."""
