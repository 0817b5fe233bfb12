"""The hub of a chaos run: accounts in threes (Zalo, Facebook, portal), and what people do there."""

import random
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from services.channels import accounts
from services.delivery import decisions
from services.delivery.wake import derive
from services.queue.bell import ring
from services.staff.caller import Caller
from shared.errors import ConflictError, InvalidError
from tests.support.hub import Bench, Team
from tests.support.sandbox import Sandbox

CHANNELS = ("zalo_oa", "facebook_page", "portal_rss")


@dataclass(slots=True, kw_only=True)
class Story:
    """One item: where it goes, what it should say now, whether it was taken back."""

    item: UUID
    code: str
    accounts: tuple[UUID, ...]
    title: str
    corrections: int = 0
    withdrawn: bool = False


@dataclass(slots=True, kw_only=True)
class Stage:
    """Accounts, stories and the people; `remote` names each account as the ledger does."""

    bench: Bench
    sandbox: Sandbox
    team: Team
    cover: UUID
    dice: random.Random
    threes: Sequence[tuple[UUID, ...]]
    remote: Mapping[UUID, str]
    stories: list[Story] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)

    async def act(self) -> None:
        """One thing that people do: mostly a new item, at times a correction or a withdrawal."""
        open_ones = [story for story in self.stories if not story.withdrawn]
        lot = self.dice.random()
        try:
            if lot < 0.6 or not open_ones:
                await self._publish()
                self.acts["published"] += 1
            elif lot < 0.8:
                await self._correct(self.dice.choice(open_ones))
                self.acts["corrected"] += 1
            else:
                story = self.dice.choice(open_ones)
                await self.bench.withdrawn(self.team, story.item)
                story.withdrawn = True
                self.acts["withdrawn"] += 1
        except (ConflictError, InvalidError) as error:
            self.acts[f"refused: {error.code}"] += 1

    async def _publish(self) -> None:
        number = len(self.stories) + 1
        title = f"Thông báo số {number:05d}"
        chosen = self.dice.choice(self.threes)
        item = await self.bench.published(
            self.team,
            chosen,
            title=title,
            summary="Tóm tắt.",
            body=f"Nội dung của thông báo thứ {number}, lô {self.dice.randrange(10**9)}.",
            cover=str(self.cover),
        )
        self.stories.append(Story(item=item.id, code=item.code, accounts=chosen, title=title))

    async def _correct(self, story: Story) -> None:
        changed = f"{story.title.partition(',')[0]}, đính chính {story.corrections + 1}"
        await self.bench.corrected(
            self.team, story.item, story.accounts, title=changed, correction_note="Sửa tiêu đề."
        )
        story.corrections += 1
        story.title = changed

    async def lift(self) -> int:
        """Ends pauses and penalties, as hours and an admin would; gives how many pauses there were.

        Only waiting times are touched, never a state: what may be sent is decided as ever.
        """
        admin = await self.bench.caller(self.team.admin)
        async with self.bench.hub.open_work() as session:
            paused = (
                await session.execute(
                    text("SELECT id, pause_code FROM account WHERE state = 'paused'")
                )
            ).all()
        for row in paused:
            if row.pause_code == accounts.NEEDS_CONSENT:
                await self._consent(admin, row.id)
        async with self.bench.hub.open_work() as session:
            for row in paused:
                await accounts.resume(session, admin, row.id)
            await session.execute(
                text(
                    "UPDATE account SET rate_until = NULL, quota_until = NULL,"
                    " breaker_until = NULL, breaker_failures = 0, usage = NULL"
                )
            )
            await session.execute(
                text(
                    "UPDATE publication SET next_at = now()"
                    " WHERE next_at > now() + interval '5 seconds'"
                    " AND state IN ('pending','sending')"
                )
            )
            await derive(session)
            await ring(session)
        return len(paused)

    async def _consent(self, admin: Caller, account_id: UUID) -> None:
        """Consents anew: a worker that dies while it trades a refresh token has spent it."""
        fresh = {name: secrets.token_hex(20) for name in ("access_token", "refresh_token")}
        told = await self.sandbox.post(
            "/admin/accounts",
            {
                "channel": "zalo_oa",
                "id": self.remote[account_id],
                "media_fetch": False,
                **fresh,
            },
        )
        hub = self.bench.hub
        form = hub.registry.get("zalo_oa").credentials_form
        async with hub.open_work() as session:
            account = await accounts.locked(session, account_id, by=admin)
            await accounts.replace_credentials(
                session,
                admin.actor,
                hub.registry,
                hub.sealer,
                account,
                form.model_validate(told["accounts"][0]["credentials"]),
            )
        self.acts["consented"] += 1

    async def decide(self) -> int:
        """A person with eyes on the channel settles what the loop could not; gives how many."""
        async with self.bench.hub.open_work() as session:
            rows = (
                await session.execute(
                    text(
                        "SELECT p.id, p.account_id, item.code FROM publication p"
                        " JOIN item ON item.id = p.item_id WHERE p.state = 'undecided'"
                    )
                )
            ).all()
        approver = await self.bench.caller(self.team.approver)
        for row in rows:
            shown = await self.sandbox.ledger(self.remote[row.account_id])
            ids = [post["remote_id"] for post in shown["visible"] if told_of(post, row.code)]
            try:
                await decisions.decide(
                    self.bench.hub.open_work,
                    self.bench.hub,
                    approver,
                    row.id,
                    outcome="found" if ids else "absent",
                    remote_id=ids[0] if ids else None,
                )
            except (ConflictError, InvalidError) as error:
                self.acts[f"decision refused: {error.code}"] += 1
        return len(rows)

    async def unsettled(self) -> int:
        """How many publications still have something to do by themselves."""
        async with self.bench.hub.open_work() as session:
            count = await session.scalar(
                text(
                    "SELECT count(*) FROM publication"
                    " WHERE state IN ('scheduled','pending','sending','uncertain')"
                    "    OR state IN ('live','withdrawn') AND observed_generation < generation"
                )
            )
        return int(count or 0)


def told_of(post: Mapping[str, object], code: str) -> bool:
    """Whether a post of the ledger is about the item of this code: each carries its address."""
    words = f"{post.get('link')} {post.get('title')} {post.get('text')}"
    return f"/tin/{code}" in words


async def set_up(bench: Bench, sandbox: Sandbox, dice: random.Random, *, threes: int) -> Stage:
    """Connects so many accounts of each channel."""
    team = await bench.team()
    remote: dict[UUID, str] = {}
    rows: list[tuple[UUID, ...]] = []
    for no in range(threes):
        chosen: list[UUID] = []
        for channel in CHANNELS[:2]:
            made = await sandbox.account(channel, media_fetch=False)
            chosen.append(await bench.account(team, channel, made["settings"], made["credentials"]))
            remote[chosen[-1]] = made["id"]
        slug = f"cong-{no}"
        settings = {"slug": slug, "title": f"Cổng {no}", "link": "https://cong.example/"}
        chosen.append(await bench.account(team, "portal_rss", settings, {}))
        told = await sandbox.post(
            "/admin/portal",
            {"feed_url": f"{bench.hub.public_url}/feeds/{slug}/rss.xml", "every": 1},
        )
        remote[chosen[-1]] = str(told["number"])
        rows.append(tuple(chosen))
    return Stage(
        bench=bench,
        sandbox=sandbox,
        team=team,
        cover=await bench.picture(team),
        dice=dice,
        threes=rows,
        remote=remote,
    )
