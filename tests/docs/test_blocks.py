"""How the blocks of a page are read, and what is compared of an output."""

from pathlib import Path

import pytest

from tests.docs import blocks, outputs
from tests.docs.blocks import Step

PAGE = """\
# A page

<!-- setup
one="$(echo 1)"
-->

<!-- fails: it is refused -->

```console
$ echo one |
    cat
one
$ f() {
    echo 'two
three'
}
$ false      # a comment
```

Some text. <!-- not run: this is far from the block -->

Between.

```sh
cp a b &&
sync
```

<!-- not run: needs the moon -->

```console
$ fly
```

```python
print("not a command")
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with blocks of each kind."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    return page


def test_the_blocks_of_a_page_are_its_commands_in_order(page: Path) -> None:
    """A line that is taken for output is a command that nobody runs."""
    first, second, third = blocks.read(page)

    assert first.steps == (
        Step("echo one |\n    cat", ("one",)),
        Step("f() {\n    echo 'two\nthree'\n}"),
        Step("false      # a comment"),
    )
    assert second.steps == (Step("cp a b &&\nsync"),)
    assert (first.line, first.setup, first.fails) == (9, 'one="$(echo 1)"', True)
    assert (second.not_run, third.not_run) == ("", "needs the moon")


def test_a_line_without_a_prompt_is_no_command(tmp_path: Path) -> None:
    """Whether it is a command or an output, nobody could tell."""
    page = tmp_path / "page.md"
    page.write_text("```console\nacrux version\n```\n")

    with pytest.raises(AssertionError, match="prompt"):
        blocks.read(page)


@pytest.mark.parametrize(
    ("expected", "actual", "is_it"),
    [
        ((), "whatever", True),
        (("a", ""), "a\n", True),
        (("a",), "a\nb\n", False),
        (("a", "…"), "a\nb\nc\n", True),
        (("…", "c"), "c\n", True),
        (("a", "…", "c"), "a\nb\n", False),
        (("id  4XB…  on",), "id qMy_-9 on\n", True),
        (('{"token":"eyJ…","n":1}',), '{"token":"eyK.a","n":2}\n', False),
        (("NAME  AT", "x     2026-11-21T12:00:00Z"), "NAME AT\nx 2027-01-01T00:00:00+00:00", True),
        (("Password:", "Welcome"), "Password: \nWelcome\n", True),
        (("a.c",), "abc", False),
    ],
)
def test_an_output_is_compared_as_far_as_it_is_stable(
    expected: tuple[str, ...], actual: str, is_it: bool
) -> None:
    """What differs each time says nothing; what does not must be right."""
    assert outputs.matches(expected, actual) is is_it
