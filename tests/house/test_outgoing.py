"""Who may speak to the outside: one file makes clients for channels, one asks strangers (R95)."""

import ast
from collections.abc import Iterator

from tests.house.tree import modules

MAKERS = {
    "shared/http.py": "channels, each at its own fixed host",
    "shared/fetch.py": "strangers",
    "adapters/facebook_page/graph.py": "the transport of facebook-sdk, at its own fixed host",
    "services/sandbox/world.py": "the rehearsal's world calls our webhooks, on one machine",
    "services/cli/demo.py": "the sandbox of the demo, on one machine",
    "services/cli/up.py": "the parts that it started",
}
_CLIENTS = {
    "AsyncClient", "Client", "AsyncHTTPTransport", "HTTPTransport", "AsyncConnectionPool",
    "ConnectionPool", "get", "post", "put", "patch", "delete", "head", "options", "request",
    "stream",
}  # fmt: skip
_LIBRARIES = {"urllib.request", "http.client", "aiohttp", "httpcore", "ftplib", "urllib3"}


def _makes_a_client(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="httpx"), attr=name)):
                if name in _CLIENTS:
                    yield f"httpx.{name}"
            case ast.ImportFrom(module="httpx", names=names):
                yield from (one.name for one in names if one.name in _CLIENTS)
            case ast.Import(names=names):
                yield from (one.name for one in names if one.name in _LIBRARIES)
            case ast.ImportFrom(module=str(name)) if name in _LIBRARIES:
                yield name


def test_outgoing_clients_are_made_in_one_place() -> None:
    found = {name for name, tree in modules() if list(_makes_a_client(tree))}
    assert found - set(MAKERS) == set()
    assert {"shared/http.py", "shared/fetch.py"} <= found
