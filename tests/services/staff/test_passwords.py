import time

import pytest

from services.staff.passwords import CHEAP, FULL, check, hashed
from shared.errors import InvalidError


async def test_the_full_cost_is_what_was_ruled() -> None:
    kept = await hashed("một-mật-khẩu-dài")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert (await check("một-mật-khẩu-dài", kept)).ok
    assert not (await check("một-mật-khẩu-khác", kept)).ok


async def test_a_cheaper_hash_is_right_and_outdated() -> None:
    kept = await hashed("mot-mat-khau-dai", cost=CHEAP)
    assert (await check("mot-mat-khau-dai", kept, cost=FULL)).outdated
    assert not (await check("mot-mat-khau-dai", kept, cost=CHEAP)).outdated


@pytest.mark.parametrize("password", ["", "x" * 11, "x" * 129])
async def test_only_the_length_is_asked_of_a_password(password: str) -> None:
    with pytest.raises(InvalidError):
        await hashed(password, cost=CHEAP)
    assert not (await check(password, await hashed("x" * 12, cost=CHEAP), cost=CHEAP)).ok


async def test_a_kept_hash_that_is_none_of_ours_lets_nobody_in() -> None:
    assert not (await check("x" * 12, "plain text", cost=CHEAP)).ok
    assert not (await check("x" * 12, None, cost=CHEAP)).ok


async def test_nobody_takes_as_long_as_somebody() -> None:
    kept = await hashed("mot-mat-khau-dai")
    await check("warm", None)

    async def seconds(against: str | None) -> float:
        begun = time.process_time()
        await check("mot-mat-khau-sai", against)
        return time.process_time() - begun

    somebody = min([await seconds(kept) for _ in range(3)])
    nobody = min([await seconds(None) for _ in range(3)])
    assert 0.5 < nobody / somebody < 2
