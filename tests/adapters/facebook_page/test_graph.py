"""The transport below facebook-sdk: what goes over the wire, and what is believed of an answer."""

import hashlib
import hmac
import io
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from adapters.facebook_page.errors import GraphError
from adapters.facebook_page.graph import FilePart, Key, PageGraph
from tests.adapters.facebook_page.conftest import TOKEN
from tests.adapters.facebook_page.loopback import (
    Loopback,
    Script,
    drip,
    hang_up,
    reply,
    reset,
    self_signed,
    silence,
)

PROOF = hmac.new(b"s3cret", TOKEN.encode(), hashlib.sha256).hexdigest()
KEY = Key(token=TOKEN, proof=PROOF, version="v25.0")


@pytest.fixture
def graph(raw: Loopback) -> Iterator[PageGraph]:
    one = PageGraph(raw.base)
    one.serve(KEY, seconds=5)
    yield one
    one.close()


def head_and_body(request: bytes) -> tuple[str, str]:
    head, _, body = request.partition(b"\r\n\r\n")
    return head.decode(), body.decode()


def failure(graph: PageGraph) -> GraphError:
    with pytest.raises(GraphError) as caught:
        graph.put_object("111", "feed", message="Tin")
    return caught.value


def test_the_token_travels_in_a_header_and_never_in_the_address(
    raw: Loopback, graph: PageGraph
) -> None:
    graph.get_object("111", fields="id,name")
    graph.delete_object("111_222")
    heads = [head_and_body(request)[0] for request in raw.requests]

    assert heads[0].startswith("GET /graph/v25.0/111?fields=id%2Cname&appsecret_proof=")
    assert heads[1].startswith("DELETE /graph/v25.0/111_222?appsecret_proof=")
    assert all(f"Authorization: Bearer {TOKEN}" in head for head in heads)
    assert all(TOKEN not in head.splitlines()[0] for head in heads)


def test_a_post_is_a_form_with_proof_json_values_and_vietnamese(
    raw: Loopback, graph: PageGraph
) -> None:
    graph.put_object(
        "111",
        "feed",
        message="Tin mới 📣 & hơn",
        published=False,
        attached_media=[{"media_fbid": "7"}],
    )
    head, body = head_and_body(raw.requests[0])
    told = parse_qs(body)

    assert head.startswith("POST /graph/v25.0/111/feed HTTP/1.1")
    assert told["message"] == ["Tin mới 📣 & hơn"]
    assert told["published"] == ["false"]
    assert told["attached_media"] == ['[{"media_fbid": "7"}]']
    assert told["appsecret_proof"] == [PROOF]
    assert "access_token" not in told


def test_a_file_is_sent_as_one_exact_multipart_body(raw: Loopback, graph: PageGraph) -> None:
    content = bytes(range(256)) * 1000
    part = FilePart(name="a.jpg", mime="image/jpeg", file=io.BytesIO(content), size_bytes=256_000)
    graph.put_photo(part, "111/photos", published=False, alt_text_custom="Ảnh")
    head, _, body = raw.requests[0].partition(b"\r\n\r\n")

    assert f"Content-Length: {len(body)}".encode() in head
    assert content in body
    assert b'name="source"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' in body
    assert 'name="alt_text_custom"\r\n\r\nẢnh\r\n'.encode() in body
    assert b'name="published"\r\n\r\nfalse\r\n' in body


def test_an_answer_is_given_with_its_headers(raw: Loopback, graph: PageGraph) -> None:
    raw.answers(reply(headers=("Content-Type: application/json", "Facebook-API-Version: v24.0")))

    assert graph.put_object("111", "feed", message="Tin") == {"id": "111_222"}
    assert graph.get_version() == "v24.0"


def test_a_redirect_is_not_followed(raw: Loopback, graph: PageGraph) -> None:
    raw.answers(reply(status="302 Found", headers=(f"Location: {raw.base}/else",)))
    error = failure(graph)

    assert (error.left, error.status, error.code) == (True, 302, None)
    assert len(raw.requests) == 1


def test_a_refusal_is_kept_whole_and_without_the_token(raw: Loopback, graph: PageGraph) -> None:
    told = (
        '{"error":{"message":"(#506) Duplicate ' + TOKEN + '","code":506,"error_subcode":1455006,'
        '"is_transient":true,"fbtrace_id":"Abc"}}'
    )
    raw.answers(reply(told, status="400 Bad Request"))
    error = failure(graph)

    assert (error.status, error.code, error.subcode) == (400, 506, 1455006)
    assert (error.transient, error.message) == (True, "(#506) Duplicate ••• [Abc]")


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Oops"])
def test_an_error_inside_any_status_is_an_error(
    raw: Loopback, graph: PageGraph, status: str
) -> None:
    raw.answers(reply('{"error":{"message":"x","code":2}}', status=status))

    assert failure(graph).code == 2


@pytest.mark.parametrize(
    "answer",
    [
        reply("<html>Bad gateway</html>", status="502 Bad", headers=("Content-Type: text/html",)),
        reply("<html>Hello</html>", headers=("Content-Type: text/html",)),
        reply(headers=()),
        reply(""),
        reply("{"),
        reply("[]"),
        reply("true"),
        reply("null"),
        reply('{"error":"words"}'),
        reply('{"error":{"message":"no code"}}'),
        reply('{"id":"1"}', status="404 Not Found"),
        reply('{"id":"1"}', status="503 Busy"),
        reply(b"\xff\xfe\x00"),
    ],
)
def test_an_unusable_answer_says_that_the_call_had_left(
    raw: Loopback, graph: PageGraph, answer: Script
) -> None:
    raw.answers(answer)
    error = failure(graph)

    assert (error.left, error.code) == (True, None)
    assert error.status is not None


@pytest.mark.parametrize(
    "script",
    [
        reset,
        hang_up,
        reply('{"id":"1"}', length=400),
        lambda sock: sock.sendall(b"SSH-2.0-nonsense\r\n\r\n"),
    ],
)
def test_a_broken_answer_says_that_the_call_had_left(
    raw: Loopback, graph: PageGraph, script: Script
) -> None:
    raw.answers(script)
    error = failure(graph)

    assert (error.left, error.status) == (True, None)


def test_a_call_that_failed_is_not_made_again(raw: Loopback, graph: PageGraph) -> None:
    raw.answers(hang_up)
    failure(graph)

    assert len(raw.requests) == 1


def test_silence_ends_at_the_timeout(raw: Loopback, graph: PageGraph) -> None:
    raw.answers(silence)
    graph.serve(KEY, seconds=0.2)
    error = failure(graph)

    assert (error.left, error.reason) == (True, "TimeoutError")


def test_a_refused_connection_has_not_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    graph = PageGraph(f"http://127.0.0.1:{port}/graph")
    graph.serve(KEY, seconds=5)

    assert not failure(graph).left


def test_a_name_that_does_not_resolve_has_not_left() -> None:
    graph = PageGraph("http://nowhere.invalid/graph")
    graph.serve(KEY, seconds=5)

    assert not failure(graph).left


def test_a_server_that_speaks_no_tls_gets_no_request(raw: Loopback) -> None:
    raw.answers(reset)
    graph = PageGraph(raw.base.replace("http:", "https:"))
    graph.serve(KEY, seconds=1)
    error = failure(graph)

    assert not error.left
    assert not any(TOKEN.encode() in request for request in raw.requests)


def test_a_certificate_of_a_stranger_gets_no_request(tmp_path: Path) -> None:
    with self_signed(tmp_path) as port:
        graph = PageGraph(f"https://127.0.0.1:{port}/graph")
        graph.serve(KEY, seconds=3)
        error = failure(graph)

    assert (error.left, error.reason) == (False, "SSLCertVerificationError")


def test_a_kept_connection_is_used_again(raw: Loopback, graph: PageGraph) -> None:
    graph.get_object("111")
    graph.serve(KEY, seconds=5)
    graph.get_object("111")

    assert (len(raw.requests), raw.connections) == (2, 1)


def test_a_connection_that_the_other_side_closed_is_not_used_again(
    raw: Loopback, graph: PageGraph
) -> None:
    def answer_and_leave(sock: socket.socket) -> None:
        reply()(sock)
        sock.close()

    raw.answers(answer_and_leave)
    graph.get_object("111")
    time.sleep(0.05)
    graph.serve(KEY, seconds=5)
    graph.get_object("111")

    assert (len(raw.requests), raw.connections) == (2, 2)


def test_a_connection_that_idled_is_not_used_again(
    raw: Loopback, graph: PageGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.facebook_page.graph._IDLE_SECONDS", -1.0)
    graph.get_object("111")
    graph.serve(KEY, seconds=5)
    graph.get_object("111")

    assert raw.connections == 2


def test_a_cut_ends_a_call_that_never_times_out(raw: Loopback, graph: PageGraph) -> None:
    raw.answers(drip)
    threading.Timer(0.3, graph.cut).start()
    began = time.monotonic()
    error = failure(graph)

    assert error.left
    assert time.monotonic() - began < 2


def test_a_call_that_was_cut_before_it_left_does_not_leave(raw: Loopback, graph: PageGraph) -> None:
    graph.cut()
    error = failure(graph)

    assert not error.left
    assert raw.requests == []


def test_no_other_host_can_be_reached_through_the_package(graph: PageGraph) -> None:
    with pytest.raises(ValueError, match="No connection adapters"):
        graph.session.get("https://graph.facebook.com/v2.8/me")


def test_the_environments_proxies_are_not_used(
    raw: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    graph = PageGraph(raw.base)
    graph.serve(KEY, seconds=5)

    assert graph.get_object("111") == {"id": "111_222"}
    graph.close()


def test_no_error_shows_the_token_or_the_address(raw: Loopback, graph: PageGraph) -> None:
    raw.answers(reset)
    shown = "".join(traceback.format_exception(failure(graph)))

    assert TOKEN not in shown
    assert PROOF not in shown
    assert str(raw.port) not in shown
