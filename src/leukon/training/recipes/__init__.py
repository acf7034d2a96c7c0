"""The recipes that ship with Leukon."""
