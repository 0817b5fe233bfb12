"""`loa source`: adds a feed, lists it, reads it, and says so to people and programs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typing_extensions import override

from tests.services.cli.conftest import Loa
from tests.support.sister_site import item, rss


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A feed on a port of this machine, in a thread: a command blocks the tests' own loop."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = rss([item("1"), item("2")], link="https://a.vn")
            self.send_response(200 if self.path == "/rss.xml" else 410)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:  # its own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("LOA_FETCH_INSIDE", f"127.0.0.1:{server.server_port}")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_source_is_added_listed_and_read(loa: Loa, feed: str) -> None:
    assert loa("unit", "add", "HOASEN", "Ủy ban nhân dân tỉnh Hoa Sen").code == 0
    added = loa("user", "add", "ha@hoasen.example", "--name", "Lê Thu Hà", "--roles", "editor")
    assert added.code == 0, added.err
    made = loa("source", "add", f"{feed}/rss.xml", "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["makes"] == "bulletin"
    read = loa("source", "fetch", f"{feed}/rss.xml")
    assert (read.code, "2 tin có từ trước" in read.out) == (0, True)
    (listed,) = json.loads(loa("source", "list", "--json").out)
    assert (listed["result"], listed["entries"], listed["new"]) == ("first", 2, 0)
    assert "Sở Y tế tỉnh bạn" in loa("source", "list").out
    twice = loa("source", "add", f"{feed}/rss.xml")
    assert (twice.code, "đã có nguồn tin" in twice.err) == (1, True)
    odd = loa("source", "add", "khong phai dia chi")
    assert odd.code == 1
    assert loa("source", "add", f"{feed}/mat.xml", "--title", "Cổng cũ", "--own").code == 0
    gone = loa("source", "fetch", "Cổng cũ")
    assert (gone.code, "410" in gone.out) == (1, True)
    assert loa("source", "fetch", "Không có").code == 1
