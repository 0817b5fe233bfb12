"""The village notice board as a channel of Loa, and a simulated one to try it on."""
