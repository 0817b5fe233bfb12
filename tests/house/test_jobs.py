"""Every job that somebody asks for is declared, and none is declared twice."""

import ast
from pathlib import Path

import pytest

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.queue.jobs import Job, by_name
from services.storage.session import make_engine, opener
from services.worker.jobs import declared
from tests.house.tree import modules


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, ...]:
    engine = make_engine("postgresql://nobody@127.0.0.1:9/none", size=2)
    hub = Hub(
        open_work=opener(engine),
        registry=Registry.of(),
        sealer=Sealer(b"k" * 32),
        media=MediaStore(Path(tmp_path_factory.mktemp("media"))),
        public_url="http://loa.test",
    )
    return declared(hub)


def test_no_two_jobs_share_a_name(jobs: tuple[Job, ...]) -> None:
    assert len(by_name(jobs)) == len(jobs) > 0


def test_every_job_that_is_asked_for_is_declared(jobs: tuple[Job, ...]) -> None:
    asked = {name for _, tree in modules() for name in _asked_for(tree)}
    assert asked <= set(by_name(jobs))


def test_a_job_runs_by_itself_or_somebody_asks_for_it(jobs: tuple[Job, ...]) -> None:
    asked = {name for _, tree in modules() for name in _asked_for(tree)}
    assert [job.name for job in jobs if job.every is None and job.name not in asked] == []


def _asked_for(tree: ast.Module) -> set[object]:
    """The names of jobs that a file enqueues."""
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") or getattr(node.func, "attr", "")) == "enqueue"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
