"""What tests stand on: real servers on loopback, makers of rows, a channel with memory."""
