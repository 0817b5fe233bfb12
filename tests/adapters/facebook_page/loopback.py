"""A raw server on loopback: it keeps every byte it is sent and answers what the test scripted."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.clock import utc_now

Script = Callable[[socket.socket], None]


@dataclass(slots=True)
class Loopback:
    """Scripts are used one per request, the last one again and again."""

    port: int
    scripts: list[Script] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/graph"

    def answers(self, *scripts: Script) -> None:
        self.scripts = list(scripts)

    def next_script(self) -> Script:
        return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]


def reply(
    body: bytes | str = b'{"id":"111_222"}',
    *,
    status: str = "200 OK",
    headers: tuple[str, ...] = ("Content-Type: application/json",),
    length: int | None = None,
) -> Script:
    """A whole answer; `length` may lie about the body."""
    raw = body.encode() if isinstance(body, str) else body
    told = len(raw) if length is None else length
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {told}", "", ""])

    def script(sock: socket.socket) -> None:
        sock.sendall(head.encode() + raw)
        if told > len(raw):
            sock.close()

    return script


def reset(sock: socket.socket) -> None:
    """Ends the connection with a TCP reset and no answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def hang_up(sock: socket.socket) -> None:
    """Ends the connection politely, but without an answer."""
    sock.close()


def silence(sock: socket.socket) -> None:
    """Never answers; waits until the other side goes away."""
    with suppress(OSError):
        sock.recv(1)
    sock.close()


def drip(sock: socket.socket) -> None:
    """Sends a byte of the header now and then, so that no single read ever times out."""
    with suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 1000:
            sock.send(bytes([byte]))
            time.sleep(0.05)
    sock.close()


@contextmanager
def loopback() -> Iterator[Loopback]:
    """A listening server; its threads end with the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Loopback(port=listener.getsockname()[1], scripts=[reply()])
    open_sockets: list[socket.socket] = []

    def serve(sock: socket.socket) -> None:
        with suppress(OSError), sock:
            while raw := _request(sock):
                server.requests.append(raw)
                server.next_script()(sock)

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                server.connections += 1
                open_sockets.append(sock)
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for sock in open_sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        acceptor.join(timeout=2)


@contextmanager
def self_signed(folder: Path) -> Iterator[int]:
    """The port of a TLS server whose certificate nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = utc_now()
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def greet() -> None:
        with suppress(OSError):
            sock, _ = listener.accept()
            with sock, suppress(OSError), context.wrap_socket(sock, server_side=True) as tls:
                tls.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=2)


def _request(sock: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = sock.recv(65536)
        if not piece:
            return b""
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        piece = sock.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body
