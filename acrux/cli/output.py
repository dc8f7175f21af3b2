"""What a command prints for programs, and --query, which selects it."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

Json = Any  # a document: null, text, numbers, lists and objects
TablePrinter = Callable[[Sequence[str], Sequence[Sequence[str]]], None]

FORMS: Final = ("json", "jsonl", "table")

_KEY: Final = "acrux.output"


class Expression(click.ParamType[Any]):
    """An expression of JMESPath (https://jmespath.org/specification.html)."""

    name = "JMESPATH"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Any:
        """Compile it, so that one that is wrong is refused before anything is changed."""
        from jmespath import compile as compiled  # noqa: PLC0415 -- few commands have a query
        from jmespath.exceptions import JMESPathError  # noqa: PLC0415 -- as above

        if not isinstance(value, str):
            return value
        try:
            expression = compiled(value)
            unknown = next(_unknown_functions(expression.parsed), None)
        except RecursionError:
            self.fail("the expression is nested too deeply", parameter, context)
        except JMESPathError as refused:
            self.fail(_described(refused, value), parameter, context)
        if unknown is not None:
            place = value.find(unknown) + 1
            self.fail(
                f"{value!r} is wrong at position {place}: there is no function {unknown!r}",
                parameter,
                context,
            )
        return expression


def _unknown_functions(node: Any) -> Iterator[str]:
    # The package looks for them only while it applies the expression.
    from jmespath.functions import Functions  # noqa: PLC0415 -- few commands have a query

    if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
        yield node["value"]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _unknown_functions(child)


def _described(refused: Any, expression: str) -> str:
    # The package's own message is several lines, with the expression among them.
    position = getattr(refused, "lex_position", None)
    if position is None:
        position = getattr(refused, "lexer_position", None)
    if position is None or not expression.strip():
        return f"{expression!r} is not an expression of JMESPath, such as [].name"
    there = expression[position : position + 20]
    found = f"{there!r} cannot stand there" if there else "it ends too early"
    return f"{expression!r} is wrong at position {position + 1}: {found}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """In which form a command is to print, and what of it."""

    form: str
    query: Any = None

    def selected(self, content: Json) -> Json:
        """What the query selects, or all. Raises click.UsageError if it cannot be applied."""
        if self.query is None:
            return content
        from jmespath.exceptions import JMESPathError  # noqa: PLC0415 -- few commands have a query

        try:
            return self.query.search(json.loads(_encoded(content)))
        except (JMESPathError, RecursionError) as refused:
            why = " ".join(str(refused).split()) or "it is nested too deeply"
            raise click.UsageError(f"--query cannot be applied: {why}") from None


def keep(context: click.Context, form: str, query: Any) -> str:
    """Remember what is wanted; return `table` if the command is to make a table, else `json`.

    With a query, what is not asked for as a table is JSON: so the result can be read.
    """
    is_chosen = context.get_parameter_source("output") is not click.core.ParameterSource.DEFAULT
    if query is not None and not is_chosen:
        form = "json"
    context.meta[_KEY] = Wanted(form, query)
    return "table" if form == "table" and query is None else "json"


def wanted() -> Wanted:
    """What the command that runs is to print."""
    context = click.get_current_context(silent=True)
    kept: Wanted | None = context.meta.get(_KEY) if context else None
    return kept or Wanted("json")


def print_content(content: Json, print_table: TablePrinter) -> None:
    """Print a document as the options want it.

    If the query cannot be applied, the whole document is printed before click.UsageError is raised:
    it may hold a password that is shown only once.
    """
    as_wanted = wanted()
    try:
        found = as_wanted.selected(content)
    except click.UsageError:
        click.echo(_indented(content))
        raise
    if as_wanted.form == "jsonl":
        for item in found if isinstance(found, list) else [found]:
            click.echo(line(item))
    elif as_wanted.form == "table":
        print_table(*table(found))
    else:
        click.echo(_indented(found))


def print_lines(items: Iterable[Json]) -> None:
    """Print each item in a line as soon as it comes, or what the query selects of it.

    Items of which it selects nothing are left out.
    """
    as_wanted = wanted()
    for item in items:
        found = as_wanted.selected(item)
        if as_wanted.query is None or found is not None:
            click.echo(line(found))


def line(content: Json) -> str:
    """A document in one line."""
    return _encoded(content)


def table(found: Json) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """What a query selected as columns and rows: an object is a row, its keys are columns."""
    items = found if isinstance(found, list) else [] if found is None else [found]
    if items and all(isinstance(item, dict) for item in items):
        keys = list(dict.fromkeys(key for item in items for key in item))
        return [key.upper() for key in keys], [
            [_cell(one.get(key)) for key in keys] for one in items
        ]
    if items and all(isinstance(item, list) for item in items):
        width = max(map(len, items))
        names = [f"COLUMN{place}" for place in range(1, width + 1)]
        return names, [list(_padded(map(_cell, item), width)) for item in items]
    return ["RESULT"], [[_cell(item)] for item in items]


def _padded(cells: Iterable[str], width: int) -> Iterator[str]:
    filled = list(cells)
    yield from filled
    yield from [""] * (width - len(filled))


def _cell(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _encoded(value)


def _encoded(content: Json) -> str:
    return json.dumps(content, default=str, ensure_ascii=False)


def _indented(content: Json) -> str:
    return json.dumps(content, indent=2, default=str)
