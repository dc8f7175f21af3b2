"""What a test process and its keeper say to each other, in JSON lines."""

from msgspec import Struct


class Start(Struct, tag=True, frozen=True):
    """Start a registry with this configuration (TOML) and these options of `acrux serve`."""

    config: str
    arguments: list[str]
    from_template: bool = True


class Stop(Struct, tag=True, frozen=True):
    """End a registry, and remove its folder."""

    pid: int


class Kept(Struct, tag=True, frozen=True):
    """The registry that was started or, without an address, ended."""

    pid: int
    url: str = ""
    folder: str = ""
    password: str = ""


class NotKept(Struct, tag=True, frozen=True):
    """Why a registry did not start."""

    problem: str
