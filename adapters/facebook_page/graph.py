"""facebook-sdk over a transport that tells the truth; the only file that imports `facebook`.

The package's own transport waits for ever, follows redirects, hides the HTTP status, puts the token
into addresses and knows no app-secret proof (facebook-pages-api.md section 9, reliability R52). So
`request()`, through which every call of `GraphAPI` goes, is replaced, and requests is given a
transport of one connection. What remains of the package is the names and paths of its calls.
"""

import json
import secrets
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import IO
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from typing_extensions import override
from urllib3.util.wait import wait_for_read

from adapters.facebook_page.errors import GraphError
from shared.clock import steady_seconds
from shared.http import USER_AGENT, tls_context

with warnings.catch_warnings():
    # The package's source holds an invalid escape: where warnings are errors, its first import
    # would fail (facebook-pages-api.md section 9, row "Python 3.12+").
    warnings.simplefilter("ignore")
    import facebook

_LARGEST_ANSWER_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_CONNECT_SECONDS = 5.0
# A connection that idled longer may be half closed, and a harmless failure would become an
# ambiguous one (reliability-security.md 1.5).
_IDLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Who calls: the token of one account or app, its proof, and the pinned version."""

    token: str
    proof: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file to upload, read once from where it stands; `size_bytes` is exact."""

    name: str
    mime: str
    file: IO[bytes]
    size_bytes: int


class OneConnection(BaseAdapter):
    """The transport: one connection, one request at a time, no redirect, no retry, no proxy.

    Connecting and sending are apart, so `left` proves whether a byte was handed to the socket.
    `cut` may be called from another thread and ends the call under way at once.
    """

    def __init__(self, base: str) -> None:
        super().__init__()
        parts = urlsplit(base)
        self._conn = (
            HTTPSConnection(parts.hostname or "", parts.port, context=tls_context())
            if parts.scheme == "https"
            else HTTPConnection(parts.hostname or "", parts.port)
        )
        # Without this http.client would connect again by itself in the middle of a request.
        self._conn.auto_open = 0
        self._socket: socket.socket | None = None
        self._idle_since = 0.0
        self._cut = False
        self._seconds = 0.0
        self.left = False

    def begin(self, seconds: float) -> None:
        """Makes ready for the next call, which may wait `seconds` for each piece of the answer."""
        self._seconds = max(seconds, 0.001)
        self._cut = False
        self.left = False

    def cut(self) -> None:
        """Ends the call under way: its thread gets an error. Safe from another thread."""
        self._cut = True
        if self._socket is not None:
            # Not the TLS socket's own shutdown: that one would pull the session from under the
            # thread that is reading.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    @override
    def send(  # type: ignore[override]  # requests' own parameters beyond these change nothing here
        self, request: requests.PreparedRequest, **_: object
    ) -> requests.Response:
        """One request and its whole answer; raises OSError, HTTPException or ValueError."""
        try:
            self._connect()
            self.left = True
            self._conn.request(
                request.method or "", request.path_url, request.body, dict(request.headers)
            )
            answer = self._conn.getresponse()
            content = _whole(answer)
        except BaseException:
            self.close()
            raise
        if answer.will_close:
            self.close()
        self._idle_since = steady_seconds()
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.getheaders())
        response._content = content  # noqa: SLF001  # there is no public way to fill an answer
        return response

    @override
    def close(self) -> None:
        self._conn.close()
        self._socket = None

    def _connect(self) -> None:
        stale = self._socket is not None and (
            steady_seconds() - self._idle_since > _IDLE_SECONDS
            or wait_for_read(self._socket, timeout=0.0)  # the other side hung up
        )
        if stale:
            self.close()
        if self._socket is None:
            self._conn.timeout = min(_CONNECT_SECONDS, self._seconds)
            self._conn.connect()
            self._socket = self._conn.sock
        if self._cut:
            raise TimeoutError("deadline")
        self._conn.sock.settimeout(self._seconds)


class PageGraph(facebook.GraphAPI):  # type: ignore[misc]  # the package carries no types
    """`GraphAPI` for one call at a time; `serve` says for whom. Answers are JSON objects.

    Every method of the package ends in `request`, which raises `GraphError` and nothing else.
    `headers` are those of the last answer.
    """

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/") + "/"
        self._wire = OneConnection(self._base)
        session = requests.Session()
        session.trust_env = False
        session.adapters.clear()  # no other host can be reached, whoever asks
        session.mount(self._base, self._wire)
        super().__init__(session=session)
        self._proof = ""
        self.headers: Mapping[str, str] = {}

    def serve(self, key: Key, *, seconds: float) -> None:
        """Makes ready for one call in the name of `key`."""
        self.access_token = key.token
        self.version = key.version
        self._proof = key.proof
        self.headers = {}
        self._wire.begin(seconds)

    def cut(self) -> None:
        """Ends the call under way, from another thread."""
        self._wire.cut()

    def close(self) -> None:
        """Closes the connection; a later call opens it again."""
        self._wire.close()

    def request(
        self,
        path: str,
        args: Mapping[str, object] | None = None,
        post_args: Mapping[str, object] | None = None,
        files: Mapping[str, FilePart] | None = None,
        method: str | None = None,
    ) -> Mapping[str, object]:
        """The answer's JSON object; the token goes into a header, never into the address."""
        proof = {"appsecret_proof": self._proof}
        request = requests.PreparedRequest()
        request.headers = CaseInsensitiveDict(
            {"Authorization": f"Bearer {self.access_token}", "User-Agent": USER_AGENT}
        )
        request.method = "POST" if post_args is not None else method or "GET"
        if post_args is None:
            request.url = f"{self._base}{path}?{_form({**(args or {}), **proof})}"
        else:
            request.url = f"{self._base}{path}" + (f"?{_form(args)}" if args else "")
            _fill(request, {**post_args, **proof}, files or {})
        try:
            response = self.session.get_adapter(self._base).send(request)
        except (OSError, HTTPException, ValueError) as error:
            # The name alone: some of these errors print the address.
            raise GraphError(type(error).__name__, left=self._wire.left) from None
        self.headers = response.headers
        return _judged(response, hidden=(str(self.access_token), self._proof))

    def get_version(self) -> str | None:
        """The version that really answered the last call; it may differ from the pinned one."""
        return self.headers.get("facebook-api-version")


def _whole(answer: HTTPResponse) -> bytes:
    """The body, complete or not at all: half a JSON object may still parse as another one."""
    content = answer.read(_LARGEST_ANSWER_BYTES)
    if answer.length:  # more was announced: too large, or the connection ended early
        raise IncompleteRead(b"", answer.length)
    if not answer.isclosed() and answer.read(1):
        raise ValueError("answer too large")
    return content


def _judged(response: requests.Response, *, hidden: tuple[str, ...]) -> Mapping[str, object]:
    """The JSON object of an answer that holds: status, type and body are all looked at."""
    status, headers = response.status_code, response.headers
    kind = headers.get("content-type", "")
    try:
        # Answers of the outage kind are HTML, and parts were seen as JavaScript (fb 8.1).
        typed = "json" in kind or "javascript" in kind
        body: object = json.loads(response.content) if typed else None
    except (ValueError, RecursionError):
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        subcode = error.get("error_subcode")
        raise GraphError(
            "refused",
            left=True,
            status=status,
            code=error["code"],
            subcode=subcode if isinstance(subcode, int) else None,
            message=_words(error, hidden),
            transient=error.get("is_transient") is True,
            headers=headers,
        )
    if not 200 <= status < 300 or error is not None or not isinstance(body, dict):
        reason = "redirect" if 300 <= status < 400 else f"{kind.partition(';')[0] or 'untyped'}"
        raise GraphError(f"unusable: {reason}", left=True, status=status, headers=headers)
    return body


def _words(error: Mapping[str, object], hidden: tuple[str, ...]) -> str:
    told = str(error.get("message") or "")
    for secret in hidden:
        if secret:
            told = told.replace(secret, "•••")
    trace = error.get("fbtrace_id")
    return f"{told[:400]} [{trace}]" if isinstance(trace, str) else told[:400]


def _plain(value: object) -> str:
    # Graph wants `false`, not `False`, and nested values as JSON text (fb section 9).
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _form(fields: Mapping[str, object]) -> str:
    return urlencode([(name, _plain(value)) for name, value in fields.items()])


def _fill(
    request: requests.PreparedRequest,
    fields: Mapping[str, object],
    files: Mapping[str, FilePart],
) -> None:
    if not files:
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        request.body = _form(fields).encode()
        return
    boundary = secrets.token_hex(16)
    length, body = _multipart(boundary, fields, files)
    request.headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    request.headers["Content-Length"] = str(length)
    # An iterator, so that a video never stands in memory as a whole; the stubs know only bytes.
    request.body = body  # type: ignore[assignment]


def _multipart(
    boundary: str, fields: Mapping[str, object], files: Mapping[str, FilePart]
) -> tuple[int, Iterator[bytes]]:
    """The exact length of a multipart body, and the body piece by piece."""
    line = f"--{boundary}\r\nContent-Disposition: form-data; name="
    heads: list[tuple[bytes, FilePart | None]] = [
        (f'{line}"{name}"\r\n\r\n{_plain(value)}\r\n'.encode(), None)
        for name, value in fields.items()
    ]
    heads += [
        (
            f'{line}"{name}"; filename="{part.name}"\r\nContent-Type: {part.mime}\r\n\r\n'.encode(),
            part,
        )
        for name, part in files.items()
    ]
    tail = f"--{boundary}--\r\n".encode()
    length = len(tail) + sum(len(h) + (p.size_bytes + 2 if p else 0) for h, p in heads)

    def pieces() -> Iterator[bytes]:
        for head, part in heads:
            yield head
            if part is not None:
                part.file.seek(0)
                while chunk := part.file.read(_CHUNK_BYTES):
                    yield chunk
                yield b"\r\n"
        yield tail

    return length, pieces()
