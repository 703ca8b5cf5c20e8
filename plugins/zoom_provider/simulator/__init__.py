"""
A local Zoom to test against. Imports nothing of ours outside this package, so that it can disagree.

Start one with ``python -m zoom_provider.simulator`` or, within a test, with
:func:`zoom_provider.simulator.server.running`.
"""
