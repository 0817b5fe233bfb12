"""Whatever may be raised is caught at the outermost turns only (house-style.md section 8)."""

import ast
from collections.abc import Iterator

from tests.house.tree import modules

# The outermost turns: where a process, a lane, a job or a stranger's code must not take the rest
# with it. A handler that raises again is no end of an error, and is not looked at.
OUTERMOST = {
    "services/api/health.py:_redis": "whatever the client raises, Redis did not answer",
    "services/channels/checks.py:check": "a stranger's adapter",
    "services/channels/registry.py:_loaded": "a stranger's package",
    "services/channels/tokens.py:_lives": "a stranger's adapter",
    "services/channels/tokens.py:_spend": "a stranger's adapter",
    "services/cli/main.py:execute": "the command line",
    "services/cli/rehearsal.py:_restore": "a sandbox kept by another version",
    "services/cli/supervisor.py:_live": "a process",
    "services/console/guard.py:_answer": "one page",
    "services/console/live.py:_read": "the one reader of all open pages",
    "services/delivery/adopting.py:_page": "a stranger's adapter",
    "services/delivery/adopting.py:_page_or_later": "one account's old posts",
    "services/delivery/attempt.py:_read_baseline": "a stranger's adapter",
    "services/delivery/attempt.py:call": "a stranger's adapter",
    "services/delivery/batch.py:_answer": "each is written alone once more",
    "services/delivery/batch.py:_answer_alone": "handed to whoever asked",
    "services/delivery/intent.py:take": "a stranger's adapter",
    "services/delivery/looking.py:compare": "a stranger's adapter",
    "services/delivery/looking.py:turn_page": "a stranger's adapter",
    "services/delivery/turn.py:_work": "one lane",
    "services/proof/ledger.py:_took_up": "one event of the public record",
    "services/queue/bell.py:_listen": "a silent bell would slow everything down",
    "services/queue/jobs.py:perform": "one job",
    "services/syndication/websub_push.py:_call": "one call",
    "services/syndication/websub_push.py:_read": "one feed that cannot be drawn",
    "services/syndication/websub_push.py:run": "publishing must not stop for it",
    "services/sources/parse_worker.py:answer": "one document of a stranger's",
    "shared/contract/conformance.py:_guarded": "a stranger's adapter, judged",
    "shared/contract/conformance.py:pure_checks": "a stranger's adapter, judged",
    "shared/contract/conformance_live.py:attempt": "a stranger's adapter, judged",
    "shared/contract/conformance_live.py:live_checks": "a stranger's adapter, judged",
}


def test_every_catch_all_is_a_known_outermost_turn() -> None:
    found = {place for name, tree in modules() for place in _catch_alls(name, tree)}
    assert found == set(OUTERMOST)


def _catch_alls(file: str, tree: ast.Module) -> Iterator[str]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.ExceptHandler) and _takes_all(node) and not _goes_on(node):
                yield f"{file}:{function.name}"


def _takes_all(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in kinds
    )


def _goes_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
