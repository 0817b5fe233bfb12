import asyncpg
from redis.asyncio import Redis

from tests.support import postgres
from tests.support import redis as redis_support


async def test_a_copy_of_a_template_has_its_tables_and_is_its_own(postgres_url: str) -> None:
    template = await postgres.create_database(postgres_url)
    connection = await asyncpg.connect(template)
    await connection.execute("CREATE TABLE word (text text)")
    await connection.close()

    copy = await postgres.create_database(postgres_url, template=template)
    connection = await asyncpg.connect(copy)
    await connection.execute("INSERT INTO word VALUES ('one')")
    await connection.close()
    await postgres.drop_database(postgres_url, copy)

    connection = await asyncpg.connect(template)
    assert await connection.fetchval("SELECT count(*) FROM word") == 0
    await connection.close()
    await postgres.drop_database(postgres_url, template)


async def test_a_private_redis_answers(redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    await client.set("loa", "1")
    assert await client.get("loa") == b"1"
    await client.aclose()


def test_a_redis_program_is_a_file() -> None:
    found = redis_support.program()
    assert found is None or found.is_file()
