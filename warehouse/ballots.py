"""A vote as other projects write it: who voted, and for which of two answers."""

from __future__ import annotations

from warehouse.comparisons import LeftOut, Row


def cast_vote(row: Row) -> Row:
    """The row itself. Raises LeftOut where nobody voted."""
    if row["vote_id"] is None:
        raise LeftOut("pair_without_a_vote")
    return row


def decided(row: Row) -> Row:
    """The row of a vote that came to a verdict. Raises LeftOut for all others."""
    if cast_vote(row)["winner"] is None:
        raise LeftOut("vote_failed")
    return row


def by_people(row: Row) -> Row:
    """The row of a person's vote. Raises LeftOut for those of others."""
    if row["annotator_kind"] != "human":
        raise LeftOut("vote_is_no_persons")
    return row


def own_name(name: str, of: str) -> str:
    """What a reader of the format `of` made a name from: it put the format's name before it."""
    return name.removeprefix(f"{of}/")
