"""What an error says of itself."""

import pytest

from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.errors import ConflictError, FieldError, InvalidError, LoaError, NotFoundError


def test_an_error_without_a_code_has_that_of_its_class() -> None:
    assert [NotFoundError().code, ConflictError().code] == ["not_found", "conflict"]


def test_an_error_tells_its_values() -> None:
    assert str(LoaError("channel_broken", channel="board")) == "channel_broken (channel=board)"


def test_an_invalid_input_names_its_fields() -> None:
    error = InvalidError(fields=(FieldError(field="title", code="missing", detail="Thiếu"),))
    assert [one.field for one in error.fields] == ["title"]


@pytest.mark.parametrize(
    "error",
    [
        ChannelNotSentError(remote_message="x" * 2_000),
        ChannelUncertainError(remote_message="x" * 2_000),
        ChannelRejectedError(remedy=Remedy.EDIT, remote_message="x" * 2_000),
    ],
)
def test_a_channels_own_words_are_trimmed(error: ChannelError) -> None:
    assert len(error.remote_message or "") == 500


def test_an_unclear_outcome_may_be_tried_again_unless_said_otherwise() -> None:
    assert (ChannelUncertainError().final, ChannelUncertainError(final=True).final) == (False, True)
