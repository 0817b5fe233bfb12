"""Door: simulated Zalo, Facebook and portal in their real wire formats.

A visible ledger tells what a citizen would see; faults are scripted.
"""
