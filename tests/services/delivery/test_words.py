"""Every code that the source can raise or keep has its words, in both languages."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from services.delivery import problem_words, refusal_words, words

ROOT = Path(__file__).parents[3]
ROOMS = (
    *("storage", "audit", "queue", "staff", "channels", "content", "delivery", "inbox"),
    "sources",
)
# Not for a person at a screen: the command line starts the database and has the words.
NOT_OURS = frozenset({"embedded_postgres"})


@dataclass(slots=True)
class Source:
    """The files under some folders, and the error classes that all files define."""

    folders: tuple[str, ...]
    files: dict[Path, ast.Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in self.folders:
            place = ROOT / folder
            for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
                if "migrations" not in path.parts:
                    self.files[path] = _parsed(path)


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


@cache
def _classes() -> dict[str, tuple[frozenset[str], str | None]]:
    """Each class of the source: the names of its bases, and its own `default_code`."""
    found: dict[str, tuple[frozenset[str], str | None]] = {}
    for tree in Source(("shared", "adapters", "services")).files.values():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef):
                continue
            code = None
            for line in node.body:
                match line:
                    case (
                        ast.AnnAssign(target=ast.Name(id="default_code"), value=ast.Constant())
                        | ast.Assign(targets=[ast.Name(id="default_code")], value=ast.Constant())
                    ):
                        assert isinstance(line.value, ast.Constant)
                        code = str(line.value.value)
            found[node.name] = (frozenset(map(_name, node.bases)), code)
    return found


def _descends(name: str, root: str) -> bool:
    if name == root:
        return True
    bases, _ = _classes().get(name, (frozenset(), None))
    return any(_descends(base, root) for base in bases)


def _default(name: str) -> str:
    bases, code = _classes()[name]
    return code or _default(next(base for base in bases if _descends(base, "LoaError")))


def _texts(node: ast.expr, assigned: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The literals that an expression may give, through either branch and through local names."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other) | ast.BoolOp(op=ast.Or(), values=[one, other]):
            yield from _texts(one, assigned)
            yield from _texts(other, assigned)
        case ast.Name(id=name):
            for value in assigned.get(name, []):
                if not isinstance(value, ast.Name):
                    yield from _texts(value, assigned)
        case ast.JoinedStr(values=[ast.FormattedValue(), ast.Constant(value="_invalid")]):
            yield from ("settings_invalid", "credentials_invalid")


def _assigned(function: ast.AST) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for one, value in zip(names, values, strict=True):
                    found.setdefault(_name(one), []).append(value)
    return found


def _calls(source: Source) -> Iterator[tuple[str, ast.Call, dict[str, list[ast.expr]]]]:
    """Each call by the name of what is called, with what its function assigns."""
    for tree in source.files.values():
        functions = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        for scope in (*functions, tree):
            assigned = _assigned(scope) if scope is not tree else {}
            for node in ast.walk(scope):
                if isinstance(node, ast.Call):
                    yield _name(node.func), node, assigned


def _errors(source: Source, *, channel: bool) -> set[str]:
    """Codes of the errors raised: those that speak of the world, or all others."""
    found: set[str] = set()
    for name, call, assigned in _calls(source):
        if not _descends(name, "LoaError") or _descends(name, "ChannelError") is not channel:
            continue
        if call.args:
            found.update(_texts(call.args[0], assigned))
        else:
            found.add(_default(name))
    return found


def _given(source: Source, *makers: str) -> set[str]:
    """What is given to these functions or classes as the code: by name, or as the first text."""
    found: set[str] = set()
    for name, call, assigned in _calls(source):
        if name not in makers:
            continue
        for value in (*call.args, *(one.value for one in call.keywords if one.arg == "code")):
            texts = list(_texts(value, assigned))
            if texts:
                found.update(texts)
                break
    return found


def _kept(source: Source) -> set[str]:
    """Codes that are written into a row: by SQL, by an attribute, in a row of a batch."""
    found: set[str] = set()
    for path, tree in source.files.items():
        assigned = _assigned(tree)
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Attribute(attr="problem_code" | "pause_code")]):
                    found.update(_texts(node.value, assigned))
                case ast.Assign(targets=[ast.Name(id="drift")]) if path.name == "looking.py":
                    found.update(_texts(node.value, assigned))
                case ast.keyword(arg="pause" | "final_code"):
                    found.update(_texts(node.value, assigned))
                case ast.Dict(keys=keys, values=values):
                    for key, value in zip(keys, values, strict=True):
                        if isinstance(key, ast.Constant) and key.value == "code":
                            found.update(_texts(value, {}))
                case ast.Constant(value=str(statement)) if "problem_code" in statement:
                    found.update(_of_sql(statement))
    return found


def _of_sql(statement: str) -> Iterator[str]:
    """What `problem_code = …` sets, up to the next column."""
    for part in statement.split("problem_code =")[1:]:
        value = part.split("problem_", 1)[0]
        for piece in value.split("THEN ")[1:] if "CASE" in value else [value.strip()]:
            if piece.startswith("'"):
                yield piece.split("'")[1]


def problem_codes() -> set[str]:
    adapters = Source(("adapters", "shared"))
    delivery = Source(("services/delivery",))
    makers = ("Row", "_refused", "_unclear")
    return (
        _errors(Source(("adapters", "shared", "services")), channel=True)
        | _given(adapters, *makers)
        | _given(delivery, "Fail", "Pause", "Trouble")
        | _kept(delivery)
        | _kept(Source(("services/channels",)))
        # An account whose row cannot be opened is paused with the code of what was raised.
        | _errors(Source(("services/channels/sealing.py",)), channel=False)
        | {"settings_invalid", "credentials_invalid", "channel_broken", "channel_not_found"}
        # Told in ways that the search does not follow: a tuple, a listing's end, a constant's name.
        | {"adapter_broke", "cannot_read_back", "needs_consent"}
    ) - {""}


def refusal_codes() -> set[str]:
    rooms = Source((*(f"services/{room}" for room in ROOMS), "shared"))
    raised = _errors(rooms, channel=False) | _given(
        Source(("services/content/media.py",)), "_refusal"
    )
    return {code for code in raised if not any(code.startswith(prefix) for prefix in NOT_OURS)}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_the_search_finds_the_codes_it_should() -> None:
    found = problem_codes()

    assert {"worker_lost", "no_answer", "unreachable", "undecided", "duplicates_found"} <= found
    assert {"approval_void", "expired", "runaway", "token_refused", "adapter_broke"} <= found
    assert {"media_refused", "rate_limited", "quota_used_up", "not_permitted"} <= found
    assert {"missing", "altered", "hidden", "unreadable", "earlier_text_shown"} <= found
    assert {"stopped_by_person", "frozen", "fenced", "account_paused", "not_able"} <= found
    assert {"four_eyes", "stale_version", "role_needed", "not_failed"} <= refusal_codes()


def test_every_problem_of_the_source_has_words() -> None:
    assert sorted(problem_codes() - set(problem_words.TABLE)) == []


def test_every_refusal_of_the_source_has_words() -> None:
    assert sorted(refusal_codes() - set(refusal_words.TABLE)) == []


def _pairs() -> Iterable[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    for code, (vi, en) in {**problem_words.TABLE, "": problem_words.UNKNOWN}.items():
        yield code, vi, en
    for code, (one, other) in {**refusal_words.TABLE, "": refusal_words.UNKNOWN}.items():
        yield code, (one,), (other,)


def test_both_languages_are_there_with_the_same_placeholders() -> None:
    wrong = [
        code
        for code, vi, en in _pairs()
        if len(vi) != len(en)
        or not all(part.strip() for part in (*vi, *en))
        or [placeholders(part) for part in vi] != [placeholders(part) for part in en]
        or vi == en
    ]

    assert wrong == []


def test_every_text_is_whole_sentences_without_shouting() -> None:
    wrong = [
        code
        for code, vi, en in _pairs()
        for part in (*vi, *en)
        if "!" in part or "  " in part or not (part[0].isupper() or part[0] == "{")
    ]

    assert wrong == []


@pytest.mark.parametrize("locale", ["vi", "en"])
def test_an_unknown_code_gets_an_honest_text_that_names_it(locale: str) -> None:
    problem = words.problem("never_seen", locale)

    assert "never_seen" in problem.happened
    assert problem.effect
    assert problem.next
    assert "never_seen" in words.refusal("never_seen", locale)


def test_values_are_told_in_the_readers_language() -> None:
    vietnamese = words.refusal("role_needed", "vi", roles="admin, approver")
    english = words.refusal("role_needed", "en", roles="admin, approver")

    assert "quản trị, người duyệt" in vietnamese
    assert "admin, approver" in english
    assert "đang hiện" in words.refusal("not_failed", "vi", state="live")


def test_a_missing_value_leaves_a_gap_and_a_brace_does_no_harm() -> None:
    assert "…" in words.refusal("unit_not_found", "vi")
    assert "{x}" in words.refusal("unit_not_found", "vi", unit="{x}")


def test_another_language_is_answered_in_vietnamese() -> None:
    assert words.problem("expired", "fr") == words.problem("expired", "vi")
