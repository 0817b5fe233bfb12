"""A long run under random faults and kills, judged by the sandbox's ledger: `make chaos`."""
