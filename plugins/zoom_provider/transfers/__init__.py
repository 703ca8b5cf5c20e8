"""Operators that bring rows of another system to Zoom."""
