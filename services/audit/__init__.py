"""Ground: who did what to what, only ever appended, each entry chained to the one before."""
