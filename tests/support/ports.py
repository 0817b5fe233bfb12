import secrets
import socket
from typing import Final

# Below what systems give to whoever asks for any port (from 32768 on Linux, 49152 elsewhere): a
# connection that something opens meanwhile never takes one of these.
_FIRST: Final = 20_000
_COUNT: Final = 12_000


def free_port() -> int:
    """A port of 127.0.0.1 that nobody held a moment ago; take it soon."""
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
