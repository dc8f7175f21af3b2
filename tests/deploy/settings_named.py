"""Whether what files for the deployment set are settings of the registry."""

from collections.abc import Mapping

from acrux import settings_sources


def settings_in(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Where the value of each setting comes from that the variables name.

    Raises InvalidSettings if a value is wrong, and AssertionError if a variable is no setting.
    """
    loaded = settings_sources.load(variables, {}, None)
    assert loaded.ignored == ()
    return {one.name: one.source for one in loaded.origins if one.source != "default"}
