"""The fields of a channel's form, as a page shows them and as a person's answers are read back.

They come from the adapter's own form (its JSON schema), so a stranger's channel has its pages too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from pydantic import BaseModel, JsonValue

from services.console.catalogue import Language

Kind: TypeAlias = Literal["line", "secret", "number", "tick", "choice", "several", "lines"]
Schema: TypeAlias = Mapping[str, JsonValue]

_NUMBERS: Final = ("integer", "number")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWords:
    """What a guide says of a field instead of its form, in one language; empty for nothing."""

    title: str = ""
    hint: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field. `key` is how a page names it: `settings.oa_id`; `name` how the form does.

    `advanced` fields are for who knows why they change them. `least` and `most` are characters.
    """

    key: str
    name: str
    kind: Kind
    title: str
    hint: str
    required: bool
    advanced: bool
    options: tuple[tuple[str, str], ...] = ()
    default: JsonValue = None
    least: int | None = None
    most: int | None = None


def fields_of(
    form: type[BaseModel],
    part: str,
    language: Language,
    words: Mapping[str, FieldWords] | None = None,
) -> tuple[FormField, ...]:
    """The fields of a form in its order; `part` is `settings` or `credentials`."""
    schema = form.model_json_schema()
    required = cast(list[str], schema.get("required", []))
    properties = cast(Mapping[str, Schema], schema.get("properties", {}))
    definitions = cast(Mapping[str, Schema], schema.get("$defs", {}))
    return tuple(
        _field(part, name, _plain(told, definitions), name in required, (words or {}).get(name))
        for name, told in properties.items()
    )


def typed(
    fields: Sequence[FormField], form: Mapping[str, Sequence[str]], *, keep: Collection[str] = ()
) -> dict[str, JsonValue]:
    """What was typed, by the form's names. An empty secret stays as it was, so it is left out.

    An empty field that need not be filled gets its default. `keep` names fields that the page did
    not show.
    """
    given: dict[str, JsonValue] = {}
    for one in fields:
        if one.name in keep:
            continue
        told = [value.strip() for value in form.get(one.key, ())]
        first = told[0] if told else ""
        match one.kind:
            case "secret":
                if first:
                    given[one.name] = first
            case "tick":
                given[one.name] = bool(first)
            case "several":
                given[one.name] = cast(JsonValue, [value for value in told if value])
            case "lines":
                given[one.name] = cast(
                    JsonValue, [line.strip() for line in first.splitlines() if line.strip()]
                )
            case _:
                if first or one.required:
                    given[one.name] = first
                elif one.default is not None:
                    given[one.name] = one.default
    return given


def shown(one: FormField, values: Mapping[str, object]) -> JsonValue:
    """What stands in a field before anybody types: the value, else the default; no secret ever."""
    if one.kind == "secret":
        return ""
    value = cast(JsonValue, values.get(one.name, one.default))
    if one.kind == "lines":
        return "\n".join(str(line) for line in value) if isinstance(value, list) else ""
    return "" if value is None else value


def _field(
    part: str,
    name: str,
    told: Schema,
    required: bool,
    words: FieldWords | None,
) -> FormField:
    words = words or FieldWords()
    options, kind = _options(told), _kind(told)
    return FormField(
        key=f"{part}.{name}",
        name=name,
        kind=kind,
        title=words.title or str(told.get("title") or name),
        hint=words.hint or str(told.get("description") or ""),
        required=required,
        advanced=told.get("advanced") is True,
        options=tuple((one, words.options.get(one, one)) for one in options),
        default=told.get("default"),
        least=_length(told, "minLength"),
        most=_length(told, "maxLength"),
    )


def _plain(told: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema of what is meant, where None or another name only stands around it."""
    inner: Schema = told
    choices = told.get("anyOf")
    if isinstance(choices, list):
        kept = [one for one in cast(list[Schema], choices) if one.get("type") != "null"]
        inner = kept[0] if kept else told
    reference = inner.get("$ref")
    if isinstance(reference, str):
        inner = definitions.get(reference.rpartition("/")[2], inner)
    return {**inner, **{name: value for name, value in told.items() if name != "anyOf"}}


def _kind(told: Schema) -> Kind:
    if told.get("writeOnly") or told.get("format") == "password":
        return "secret"
    if told.get("enum"):
        return "choice"
    kind = told.get("type")
    if kind == "boolean":
        return "tick"
    if kind in _NUMBERS:
        return "number"
    if kind == "array":
        return "several" if _options(told) else "lines"
    return "line"


def _options(told: Schema) -> tuple[str, ...]:
    items = told.get("items")
    found = told.get("enum") or (items.get("enum") if isinstance(items, dict) else None)
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def _length(told: Schema, name: str) -> int | None:
    found = told.get(name)
    return found if isinstance(found, int) else None
