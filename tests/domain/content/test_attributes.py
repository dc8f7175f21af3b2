"""What the four attributes forbid (acr-protocol.md §5.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.content.attributes import UNLOCKED, Attributes, AttributesChange, Operation, check
from acrux.errors import Disallowed

SWITCHES = Attributes.__struct_fields__
attributes = st.builds(Attributes, **dict.fromkeys(SWITCHES, st.booleans()))

# The attributes that must be true: of the repository, and of each tag and manifest concerned.
NEEDED: dict[Operation, tuple[set[str], set[str]]] = {
    Operation.READ: ({"read_enabled"}, {"read_enabled"}),
    Operation.WRITE: ({"write_enabled"}, {"write_enabled"}),
    Operation.DELETE: ({"write_enabled"}, {"write_enabled", "delete_enabled"}),
    Operation.DELETE_REPOSITORY: (
        {"write_enabled", "delete_enabled"},
        {"write_enabled", "delete_enabled"},
    ),
}


def is_allowed(operation: Operation, repository: Attributes, *items: Attributes) -> bool:
    """Whether the check passes."""
    try:
        check(operation, repository, items)
    except Disallowed:
        return False
    return True


def test_every_operation_has_a_row() -> None:
    """A new operation would be forbidden or allowed by accident."""
    assert NEEDED.keys() == set(Operation)


@pytest.mark.parametrize("operation", Operation)
def test_without_locks_everything_is_allowed(operation: Operation) -> None:
    """Nothing could be done in a new repository."""
    assert Attributes(**dict.fromkeys(SWITCHES, True)) == UNLOCKED
    assert is_allowed(operation, UNLOCKED)
    assert is_allowed(operation, UNLOCKED, UNLOCKED, UNLOCKED)


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("operation", Operation)
def test_one_attribute_forbids_what_the_table_says(operation: Operation, switch: str) -> None:
    """Locked content would be lost, or unlocked content would be stuck."""
    locked = Attributes(**{switch: False})
    of_repository, of_items = NEEDED[operation]

    assert is_allowed(operation, locked, UNLOCKED) is (switch not in of_repository)
    assert is_allowed(operation, UNLOCKED, locked) is (switch not in of_items)
    assert is_allowed(operation, UNLOCKED, UNLOCKED, locked) is (switch not in of_items)


@pytest.mark.parametrize(
    ("repository", "item", "words", "command"),
    [
        (Attributes(write_enabled=False), UNLOCKED, "the repository is locked, with write-enabled",
         "acrux repository update --repository NAME --write-enabled true"),
        (UNLOCKED, Attributes(delete_enabled=False), "is locked, with delete-enabled false",
         "acrux repository update --image NAME --delete-enabled true"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_lock_and_what_unlocks_it(
    repository: Attributes, item: Attributes, words: str, command: str
) -> None:
    """Who meets a lock has often not set it, and does not know the API of attributes."""
    with pytest.raises(Disallowed) as refused:
        check(Operation.DELETE, repository, (item,))

    assert words in refused.value.message
    assert command in refused.value.message


@given(st.sampled_from(Operation), attributes, st.lists(attributes, max_size=4))
def test_an_operation_is_allowed_if_no_single_attribute_forbids_it(
    operation: Operation, repository: Attributes, items: list[Attributes]
) -> None:
    """Two locks together would open what each of them closes."""
    of_repository, of_items = NEEDED[operation]
    needed = [getattr(repository, switch) for switch in of_repository]
    needed += [getattr(item, switch) for item in items for switch in of_items]

    assert is_allowed(operation, repository, *items) is all(needed)


def test_a_change_can_name_every_attribute_and_by_default_names_none() -> None:
    """A PATCH of one attribute would reset the others (§5.5)."""
    assert AttributesChange.__struct_fields__ == SWITCHES
    assert {getattr(AttributesChange(), switch) for switch in SWITCHES} == {None}
