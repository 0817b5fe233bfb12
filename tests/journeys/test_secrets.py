"""Secrets appear nowhere: they flow through a whole hub, well and badly; every sink is searched.

Source: reliability-security.md 4.5 (R92 to R94). The hub is `loa up` as people run it: database,
web and worker as processes of their own; the channels are the sandbox; a stranger's adapter breaks
with its key in every error it raises.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from services.storage import embedded
from tests.journeys.sinks import Canary, canary, files, hits
from tests.support import breaking_channel
from tests.support import sandbox as sandboxes
from tests.support.pictures import jpeg
from tests.support.ports import free_port
from tests.support.sandbox import Sandbox, hosts_of

_LOA = (sys.executable, "-m", "services.cli.main")
_READY_SECONDS = 600.0
_SETTLE_SECONDS = 240.0
_UNIT = "SNV"


@dataclass(slots=True, kw_only=True)
class Trial:
    """A running hub, the secrets that were given to it, and what it said to whom."""

    data: Path
    home: Path
    url: str
    sandbox: Sandbox
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]
    canaries: list[Canary] = field(default_factory=list)
    sinks: dict[str, bytes] = field(default_factory=dict)
    told: int = 0

    def secret(self, name: str, *, prefix: str = "", told_in: tuple[str, ...] = ()) -> str:
        """A new secret, looked for in the end."""
        one = canary(name, prefix=prefix, told_in=told_in)
        self.canaries.append(one)
        return one.value

    def known(self, name: str, value: str, *told_in: str, whole: bool = False) -> str:
        """A secret that the hub or the sandbox made."""
        self.canaries.append(Canary(name=name, value=value, told_in=told_in, whole=whole))
        return value

    def keep(self, sink: str, content: bytes) -> None:
        """Adds to a sink."""
        self.sinks[sink] = self.sinks.get(sink, b"") + content

    def loa(self, *words: str, stdin: str = "", sink: str = "") -> str:
        """Runs one command beside the hub; keeps what it said, and gives its answer."""
        done = subprocess.run(
            [*_LOA, *words, "--data", self.data],
            input=stdin.encode(),
            capture_output=True,
            check=False,
            env=self.environment,
            timeout=240,
        )
        self.keep(sink or f"output of loa {words[0]}", done.stdout)
        self.keep("errors of commands", done.stderr)
        return done.stdout.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is signed in; every answer they get is kept as a sink."""

    trial: Trial
    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, *, sink: str = "answers", **more: Any) -> Any:
        """One call; gives the JSON of its answer."""
        answer = await self.http.request(method, path, **more)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.trial.keep(sink, head.encode() + b"\n\n" + answer.content + b"\n")
        self.trial.told += 1
        try:
            return answer.json()
        except ValueError:
            return {"status": answer.status_code, "text": answer.text}

    async def post(self, path: str, body: object, **more: Any) -> Any:
        """One POST of the API."""
        return await self.ask("POST", f"/api/v1{path}", json=body, **more)


def _client(trial: Trial) -> httpx.AsyncClient:
    # A server that met a bug closes the connection behind its answer: none is used twice.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=trial.url, timeout=120, limits=limits)


@asynccontextmanager
async def running(home: Path, sandbox: Sandbox, form: str) -> AsyncIterator[Trial]:
    """`loa up` in a folder of its own, until the block ends."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOA_")}
    environment = {
        **kept,
        **hosts_of(sandbox),
        "PYTHONPATH": str(breaking_channel.installed(home / "site")),
        "PYTHONIOENCODING": "utf-8",
        "LOA_LOG_FORMAT": form,
        "LOA_PUBLISH_HOLD_SECONDS": "0",
        "LOA_LANE_SECONDS": "4",
        "LOA_LOOK_SCHEDULE": "0.3,0.6,1,2",
        "LOA_ABSENCE_SECONDS": "zalo_oa=1,facebook_page=1",
    }
    data = home / "data"
    with (home / "out").open("wb") as out, (home / "err").open("wb") as err:
        process = subprocess.Popen(
            [*_LOA, "up", "--data", data, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
        )
    try:
        yield Trial(
            data=data,
            home=home,
            url=f"http://127.0.0.1:{port}",
            sandbox=sandbox,
            environment=environment,
            process=process,
        )
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(60)


async def test_no_secret_stands_in_a_log_an_error_an_answer_a_file_or_a_column(
    tmp_path: Path,
) -> None:
    """Two hubs side by side, one for each form of the log: most of a trial is waiting."""
    async with asyncio.TaskGroup() as both:
        for form in ("text", "json"):
            home = tmp_path / form
            home.mkdir()
            both.create_task(_tried(form, home))


async def _tried(form: str, home: Path) -> None:
    async with sandboxes.running() as sandbox, running(home, sandbox, form) as trial:
        await _until(lambda: "Loa is ready" in (home / "out").read_text(), _READY_SECONDS)
        async with _client(trial) as http:
            admin = await _first_admin(Person(trial=trial, http=http))
            async with aclosing(admin.http):
                await _journey(trial, admin)
                await _look_around(trial, admin)
        await asyncio.to_thread(_stop_and_collect, trial)
    print(
        f"\n{form}: {len(trial.canaries)} secrets, {len(trial.sinks)} sinks,"
        f" {sum(map(len, trial.sinks.values())) // 1_000_000} MB, {trial.told} answers"
    )
    _check_that_it_was_a_trial(trial)
    found = hits(trial.canaries, trial.sinks)
    assert not found, "\n".join(found)


# ── People ───────────────────────────────────────────────────────────────────────────────────────


async def _first_admin(nobody: Person) -> Person:
    trial = nobody.trial
    link = re.search(r"/start/([\w-]{43})", (trial.home / "out").read_text())
    assert link is not None
    trial.known("invitation", link[1], "output of loa up", "answers of the first page")
    await nobody.ask("GET", link[0], sink="answers of the first page")
    password = trial.secret("admin's password", prefix="mot cau dai ")
    form = {"unit_name": "Sở Nội vụ", "unit_code": _UNIT, "name": "Vũ Đình Sơn"}
    for given in ("ngắn", password):
        told = form | {"email": "son@hoasen.example", "password": given}
        await nobody.ask("POST", link[0], sink="answers of the first page", data=told)
    wrong = {"email": "son@hoasen.example", "password": trial.secret("wrong password")}
    await nobody.post("/session", wrong)
    return await _signed_in(trial, "son@hoasen.example", password)


async def _signed_in(trial: Trial, email: str, password: str) -> Person:
    http = _client(trial)
    person = Person(trial=trial, http=http)
    sink = "answers to a sign-in"
    told = await person.post("/session", {"email": email, "password": password}, sink=sink)
    (cookie,) = http.cookies.jar
    assert cookie.value is not None
    trial.known("session cookie", cookie.value, sink)
    trial.known("csrf", told["csrf"], sink, "answers about oneself")
    http.headers["X-CSRF-Token"] = told["csrf"]
    return person


async def _team(trial: Trial) -> tuple[Person, Person]:
    people: list[Person] = []
    for role in ("editor", "approver"):
        password, email = trial.secret(f"{role}'s password"), f"{role}@hoasen.example"
        await asyncio.to_thread(
            trial.loa, "user", "add", email, "--name", role, "--roles", role, "--password-stdin",
            stdin=password + "\n",
        )  # fmt: skip
        people.append(await _signed_in(trial, email, password))
    return people[0], people[1]


# ── What happens ─────────────────────────────────────────────────────────────────────────────────


async def _journey(trial: Trial, admin: Person) -> None:
    editor, approver = await _team(trial)
    accounts = await _connected(trial, admin)
    await _refused(trial, admin, accounts)
    await _programs(trial)
    async with aclosing(editor.http), aclosing(approver.http):
        await _published(trial, editor, approver, accounts)
    for kind in ("token_dead", "html", "reset", "throttle"):
        await trial.sandbox.fault(accounts["facebook_page"]["remote_id"], kind=kind)
        for account in accounts.values():
            await admin.post(f"/accounts/{account['id']}/check", {})
    await _met(trial)
    async with _client(trial) as http:
        await _called_back(trial, Person(trial=trial, http=http), accounts)
    await _tokens_lost(trial, admin, accounts)


async def _connected(trial: Trial, admin: Person) -> dict[str, dict[str, Any]]:
    """One account of each channel, with secrets of ours, some asked for twice with one key."""
    given: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
    for channel, names in {
        "zalo_oa": ("app_secret", "access_token", "refresh_token", "oa_secret_key"),
        "facebook_page": ("app_secret", "page_token", "verify_token"),
    }.items():
        secrets = {name: trial.secret(f"{channel} {name}") for name in names}
        # A known account of the sandbox is given these tokens; its first pair is not used.
        made = await trial.sandbox.account(channel)
        told = {"channel": channel, "id": made["id"], **secrets}
        (changed,) = (await trial.sandbox.post("/admin/accounts", told))["accounts"]
        given[channel] = (made["settings"] | changed["settings"], secrets)
    link = {"slug": "cong", "title": "Cổng", "link": "https://cong.example/"}
    given["portal_rss"] = (link, {"fetch_key": trial.secret("fetch_key")})
    given["breaking"] = ({"wall": "w", "base": trial.url}, {"key": trial.secret("breaking key")})
    accounts: dict[str, dict[str, Any]] = {}
    for channel, (settings, secrets) in given.items():
        body = {
            "unit": _UNIT, "channel": channel, "name": channel,
            "settings": settings, "credentials": secrets,
        }  # fmt: skip
        key = {"Idempotency-Key": uuid4().hex}
        first, made = [await admin.post("/accounts", body, headers=key) for _ in range(2)]
        assert first == made
        assert made.get("channel") == channel, made
        accounts[channel] = {**made, "credentials": secrets}
    return accounts


async def _refused(trial: Trial, admin: Person, accounts: Mapping[str, Any]) -> None:
    """Everything that can be wrong with what an admin or a stranger sends."""
    secret = trial.secret
    for channel, credentials in (
        ("zalo_oa", {"app_secret": secret("refused 1"), "acess_token": secret("refused 2")}),
        ("facebook_page", {"page_token": secret("refused 3") + "\n\t x", "app_secret": 7}),
        ("breaking", {"key": secret("refused 4", prefix=breaking_channel.CRASH)}),
    ):
        body = {
            "unit": _UNIT, "channel": channel, "name": "Sai", "credentials": credentials,
            "settings": accounts[channel]["settings"],
        }  # fmt: skip
        await admin.post("/accounts", body, headers={"Idempotency-Key": uuid4().hex})
        await admin.post("/accounts", body | {"settings": {"page_id": "x"}})
        read = json.dumps({"settings": body["settings"], "credentials": credentials})
        for debug in ((), ("--debug",)):
            await asyncio.to_thread(
                trial.loa, *debug, "account", "add", channel, "Sai", "--unit", _UNIT, stdin=read,
                sink="output of refused commands",
            )  # fmt: skip
    page = f"/api/v1/accounts/{accounts['facebook_page']['id']}"
    wrong = {"credentials": {"page_token": secret("wrong page token")}}
    await admin.ask("PATCH", page, json=wrong)
    await admin.post(f"/accounts/{accounts['facebook_page']['id']}/check", {})
    right = {"page_token": accounts["facebook_page"]["credentials"]["page_token"]}
    await admin.ask("PATCH", page, json={"credentials": right})
    await admin.ask("PATCH", page, content=b'{"credentials": {"page_token": "' + b"x" * 99)
    async with _client(trial) as http:
        stranger = Person(trial=trial, http=http)
        bearer = {"Authorization": f"Bearer {secret('wrong bearer', prefix='loa_')}"}
        await stranger.ask("GET", "/api/v1/me", headers=bearer)
        await stranger.ask("GET", "/api/v1/me", headers={"Cookie": f"loa={secret('wrong cookie')}"})
        await stranger.ask("GET", f"/start/{secret('wrong invitation')}")
        await stranger.ask("GET", f"/nothing?token={secret('token in an address')}")
    csrf = {"X-CSRF-Token": secret("wrong csrf")}
    await admin.post("/freeze", {"reason": "Thử"}, headers=csrf)
    lost = {"state": secret("wrong state"), "code": secret("code")}
    await admin.ask("GET", "/api/v1/connect/zalo_oa/callback", params=lost)


async def _programs(trial: Trial) -> None:
    sink = "output of loa token"
    token = await asyncio.to_thread(
        trial.loa, "token", "add", "editor@hoasen.example", "--name", "cms",
        "--scopes", "draft:write,status:read", sink=sink,
    )  # fmt: skip
    trial.known("API token", token.strip(), sink)
    async with _client(trial) as http:
        http.headers["Authorization"] = f"Bearer {token.strip()}"
        program = Person(trial=trial, http=http)
        assert "id" in await program.post("/items", {"kind": "news", "title": "Từ CMS"})
        await program.ask("GET", "/api/v1/accounts")
        await program.post("/freeze", {"reason": "Không được"})


async def _published(
    trial: Trial, editor: Person, approver: Person, accounts: Mapping[str, Any]
) -> None:
    """Items under every kind of trouble; the token of Zalo dies and is renewed on the way."""
    picture = await editor.ask(
        "POST", "/api/v1/media", files={"file": ("sen.jpg", jpeg(640, 360), "image/jpeg")},
        data={"alt": "Hồ sen"},
    )  # fmt: skip
    # What makes an account wait comes last, or nobody would meet the rest.
    troubles = (
        ("create", "token_dead", "feed", "http_500"),
        ("create", "reset", "feed", "html"),
        ("verify", "html", "feed", "reset"),
        ("create", "http_500", "feed", "commit_then_reset"),
        ("create", "throttle", "feed", "throttle"),
    )
    for number, (call, kind, facebook_call, facebook_kind) in enumerate(troubles):
        zalo, facebook = accounts["zalo_oa"], accounts["facebook_page"]
        await trial.sandbox.fault(zalo["remote_id"], operation=call, kind=kind)
        await trial.sandbox.fault(
            facebook["remote_id"], operation=facebook_call, kind=facebook_kind
        )
        await _item(editor, approver, accounts, str(picture["id"]), number)
        await _met(trial)


async def _met(trial: Trial) -> None:
    """Waits until every scripted fault has met its call."""
    left: list[Any] = []
    try:
        async with asyncio.timeout(_SETTLE_SECONDS):
            while left := (await trial.sandbox.http.get("/faults")).json()["faults"]:
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"faults that nobody met: {left}")


async def _item(
    editor: Person, approver: Person, accounts: Mapping[str, Any], cover: str, number: int
) -> None:
    item = await editor.post(
        "/items",
        {
            "kind": "news", "title": f"Thông báo số {number}", "summary": "Tóm tắt.",
            "body": "Nội dung.", "cover": cover,
        },
    )  # fmt: skip
    path = f"/items/{item['id']}"
    submitted = await editor.post(
        f"{path}/submit", {"accounts": [one["id"] for one in accounts.values()]}
    )
    preview = await approver.ask("GET", f"/api/v1{path}/preview")
    seen = {one["account"]: one["hash"] for one in preview["renditions"]}
    approved = await approver.post(
        f"{path}/approve", {"revision": submitted["revision"], "seen": seen}
    )
    assert approved.get("approved_by"), approved


async def _called_back(trial: Trial, stranger: Person, accounts: Mapping[str, Any]) -> None:
    """Webhooks with good, bad and no signatures, and set-up calls with good and bad words."""
    for channel, account in accounts.items():
        hook = f"/hooks/{channel}/{account['id']}"
        for more in ({}, {"broken": True}, {"probe": True}):
            if channel in ("zalo_oa", "facebook_page"):
                event = {"event_name": "user_send_text", "message": {"text": "x", "msg_id": "1"}}
                told = {"channel": channel, "account": account["remote_id"], "event": event}
                await trial.sandbox.post("/admin/webhook", told | {"url": trial.url + hook} | more)
        # What a stray browser or proxy would send along is not the channel's, and is not kept.
        extra = {"Cookie": f"loa={trial.secret('stray cookie')}"}
        extra["Authorization"] = f"Bearer {trial.secret('stray bearer')}"
        await stranger.ask("POST", hook, content=b'{"x": 1}', headers=extra)
        for word in (account["credentials"].get("verify_token"), trial.secret("wrong word")):
            query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": word}
            await stranger.ask("GET", hook, params=query)
    for key in (accounts["portal_rss"]["credentials"]["fetch_key"], trial.secret("wrong key")):
        await stranger.ask("GET", "/feeds/cong/rss.xml", params={"key": key})


async def _tokens_lost(trial: Trial, admin: Person, accounts: Mapping[str, Any]) -> None:
    """The renewed pair of Zalo is a secret too; then its chain is lost and made anew by hand."""
    zalo = accounts["zalo_oa"]
    told = (await trial.sandbox.http.get("/admin/accounts")).json()["accounts"]
    (oa,) = (one for one in told if one["id"] == zalo["remote_id"])
    for name in ("access_token", "refresh_token"):
        assert oa["credentials"][name] != zalo["credentials"][name], "was not renewed"
        trial.known(f"renewed {name}", oa["credentials"][name], whole=True)
    again = {name: trial.secret(f"new {name}") for name in ("access_token", "refresh_token")}
    body = {"credentials": again | {"app_secret": trial.secret("wrong app_secret")}}
    await admin.ask("PATCH", f"/api/v1/accounts/{zalo['id']}", json=body)
    await admin.post(f"/accounts/{zalo['id']}/check", {})
    begun = await admin.post(f"/accounts/{zalo['id']}/connect", {}, sink="answers of a consent")
    state = httpx.URL(begun["url"]).params["state"]
    trial.known("consent state", state, "answers of a consent")
    given = {"state": state, "code": trial.secret("consent code")}
    await admin.ask("GET", "/api/v1/connect/zalo_oa/callback", params=given)


# ── Where it is looked for ───────────────────────────────────────────────────────────────────────


async def _look_around(trial: Trial, admin: Person) -> None:
    """Everything that can be asked while the hub runs, and what others on the machine can see."""
    await admin.ask("GET", "/api/v1/me", sink="answers about oneself")
    lists = ("channels", "accounts", "items", "publications", "audit", "openapi.json")
    for path in (*(f"/api/v1/{name}" for name in lists), "/metrics", "/feeds"):
        await admin.ask("GET", path)
    # Every form of a page repeats the session's code: it is for this reader alone.
    for path in ("/", "/account", "/channels", "/admin", "/audit", "/posts"):
        await admin.ask("GET", path, sink="answers about oneself")
    for path in ("/health/live", "/health/ready"):
        await admin.ask("GET", path)
    for words in (("status",), ("status", "--json"), ("doctor",), ("account", "list", "--json")):
        await asyncio.to_thread(trial.loa, *words)
    family = [psutil.Process(trial.process.pid)]
    family += family[0].children(recursive=True)
    assert len(family) > 4
    for process in family:
        trial.keep("arguments of processes", " ".join(process.cmdline()).encode() + b"\n")
    address = embedded.url(trial.data)
    assert address is not None
    password = httpx.URL(address).password
    trial.known("database password", password, "file postgres/secret")
    trial.known("key", (trial.data / "secret-key").read_text().strip(), "file secret-key")
    await asyncio.to_thread(_dump, trial, address)


def _dump(trial: Trial, address: str) -> None:
    """Every column of every table as a sink, and a whole backup as it would be carried away."""
    programs = embedded.reachable_programs(embedded.packaged_programs())
    dumped = subprocess.run(
        [programs / "pg_dump", "--dbname", address, "--inserts", "--column-inserts"],
        capture_output=True,
        check=True,
    ).stdout
    trial.keep("dump", dumped)
    backup = trial.home / "backup.tar"
    trial.loa("backup", str(backup))
    trial.keep("backup", backup.read_bytes())


def _stop_and_collect(trial: Trial) -> None:
    trial.process.send_signal(signal.SIGTERM)
    trial.process.wait(240)
    trial.keep("output of loa up", (trial.home / "out").read_bytes())
    trial.keep("log", (trial.home / "err").read_bytes())
    for name, content in files(trial.data).items():
        trial.keep(name, content)


def _check_that_it_was_a_trial(trial: Trial) -> None:
    """Secrets that nothing touched would be found nowhere, whatever the hub wrote down."""
    log = trial.sinks["log"].decode()
    assert "adapter.broke" in log
    broken = ("ExceptionGroup", "ValueError", "Refused", "ArithmeticError", "RuntimeError")
    assert [name for name in broken if name not in log] == []
    assert "api_bug" in log
    assert trial.sinks["dump"].count(b"INSERT INTO public.attempt ") > 10
    assert b"INSERT INTO public.old_credentials " in trial.sinks["dump"]
    assert len(trial.sinks["backup"]) > 10_000
    assert trial.process.returncode == 0


async def _until(done: Any, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.1)
