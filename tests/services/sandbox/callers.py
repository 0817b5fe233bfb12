"""What a channel's client does, in a few words: one OA, one Page, the ledger."""

from dataclasses import dataclass

import httpx

Json = dict[str, object]


@dataclass(slots=True)
class Oa:
    """A caller in the name of one OA."""

    client: httpx.AsyncClient
    id: str
    app_id: str
    app_secret: str
    access: str
    refresh: str
    secret_key: str

    async def post(self, path: str, body: object) -> Json:
        """The envelope of one POST; Zalo answers 200 whatever it says."""
        answer = await self.client.post(f"/zalo{path}", json=body, headers=self.token)
        assert answer.status_code == 200
        return as_json(answer)

    async def get(self, path: str, **query: str) -> Json:
        """The envelope of one GET."""
        answer = await self.client.get(f"/zalo{path}", params=query, headers=self.token)
        assert answer.status_code == 200
        return as_json(answer)

    @property
    def token(self) -> dict[str, str]:
        """The bare header."""
        return {"access_token": self.access}

    async def create(self, **changes: object) -> Json:
        """Starts making an article."""
        return await self.post("/v2.0/article/create", article(**changes))

    async def verified(self, answer: Json) -> Json:
        """What verify says to the token of an answer."""
        assert answer["error"] == 0, answer
        return await self.post("/v2.0/article/verify", answer["data"])

    async def published(self, **changes: object) -> str:
        """The id of an article that is there."""
        given = await self.create(**changes)
        told = await self.verified(given)
        while told["error"] == -214:
            told = await self.verified(given)
        return str(inner(told, "data")["id"])

    async def trade(self, **form: str) -> Json:
        """What the token endpoint says."""
        answer = await self.client.post(
            "/zalo-oauth/v4/oa/access_token",
            data={"app_id": self.app_id, **form},
            headers={"secret_key": self.app_secret},
        )
        assert answer.status_code == 200
        return as_json(answer)

    async def renew(self) -> Json:
        """A refresh with the token in hand; keeps the new pair."""
        told = await self.trade(grant_type="refresh_token", refresh_token=self.refresh)
        self.access, self.refresh = str(told["access_token"]), str(told["refresh_token"])
        return told


@dataclass(slots=True)
class Page:
    """A caller in the name of one Page."""

    client: httpx.AsyncClient
    id: str
    app_id: str
    app_secret: str
    token: str
    user_token: str

    @property
    def bearer(self) -> dict[str, str]:
        """The token as a header."""
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """One form POST below the version."""
        return await self.client.post(f"/graph/v25.0/{path}", data=fields, headers=self.bearer)

    async def get(self, path: str, **query: str) -> httpx.Response:
        """One GET below the version."""
        return await self.client.get(f"/graph/v25.0/{path}", params=query, headers=self.bearer)

    async def feed(self, message: str, **fields: str) -> str:
        """The id of a post that is there."""
        answer = await self.post(f"{self.id}/feed", message=message, **fields)
        assert answer.status_code == 200, answer.text
        return str(as_json(answer)["id"])

    async def delete(self, object_id: str) -> httpx.Response:
        """One DELETE."""
        return await self.client.delete(f"/graph/v25.0/{object_id}", headers=self.bearer)

    async def listed(self, **query: str) -> list[Json]:
        """One page of `published_posts`."""
        answer = await self.get(f"{self.id}/published_posts", **query)
        assert answer.status_code == 200, answer.text
        return items(as_json(answer), "data")


async def make_oa(client: httpx.AsyncClient, **wanted: object) -> Oa:
    """A new OA; articles are there after one -214 unless told."""
    made = await _made(client, {"channel": "zalo_oa", **wanted})
    secrets = inner(made, "credentials")
    return Oa(
        client=client,
        id=str(made["id"]),
        app_id=str(inner(made, "settings")["app_id"]),
        app_secret=str(secrets["app_secret"]),
        access=str(secrets["access_token"]),
        refresh=str(secrets["refresh_token"]),
        secret_key=str(secrets["oa_secret_key"]),
    )


async def make_page(client: httpx.AsyncClient, **wanted: object) -> Page:
    """A new Page."""
    made = await _made(client, {"channel": "facebook_page", **wanted})
    secrets = inner(made, "credentials")
    return Page(
        client=client,
        id=str(made["id"]),
        app_id=str(inner(made, "settings")["app_id"]),
        app_secret=str(secrets["app_secret"]),
        token=str(secrets["page_token"]),
        user_token=str(made["user_token"]),
    )


async def _made(client: httpx.AsyncClient, wanted: Json) -> Json:
    answer = await client.post("/admin/accounts", json=wanted)
    assert answer.status_code == 201, answer.text
    return items(as_json(answer), "accounts")[0]


async def ledger(client: httpx.AsyncClient, account_id: str) -> Json:
    """One account's part of the ledger."""
    answer = await client.get("/ledger.json", params={"account": account_id})
    [told] = items(as_json(answer), "accounts")
    return told


async def visible(client: httpx.AsyncClient, account_id: str) -> list[Json]:
    """What readers see on one account now."""
    return items(await ledger(client, account_id), "visible")


async def fault(client: httpx.AsyncClient, **wanted: object) -> None:
    """Scripts a fault."""
    answer = await client.post("/faults", json=wanted)
    assert answer.status_code == 201, answer.text


def article(**changes: object) -> Json:
    """A sound article, shown at once."""
    return {
        "type": "normal",
        "title": "Lịch tiêm chủng tháng 12",
        "author": "UBND phường Sen Hồng",
        "description": "Trẻ từ 9 tháng tuổi tiêm miễn phí.",
        "cover": {"cover_type": "photo", "photo_url": "http://loa.test/a.jpg", "status": "show"},
        "body": [
            {"type": "text", "content": "<p>Tại trạm y tế.</p><ul><li>Mang sổ tiêm</li></ul>"},
            {"type": "image", "url": "http://loa.test/b.jpg", "caption": "Trạm y tế"},
        ],
        "tracking_link": "http://loa.test/tin/HS-1",
        "status": "show",
        "comment": "show",
        **changes,
    }


def as_json(answer: httpx.Response) -> Json:
    """The body as a JSON object."""
    told = answer.json()
    assert isinstance(told, dict)
    return told


def inner(told: Json, name: str) -> Json:
    """An object inside an object."""
    found = told[name]
    assert isinstance(found, dict), told
    return found


def items(told: Json, name: str) -> list[Json]:
    """A list of objects inside an object."""
    found = told[name]
    assert isinstance(found, list), told
    return found


def error_of(answer: httpx.Response) -> Json:
    """Graph's error object."""
    return inner(as_json(answer), "error")
