"""What a scenario is: a file name, and what stood where when it was made."""

import dataclasses
from collections.abc import Callable

from software import BOTH_LEGS, CLIENT_LEG, hand_made_client, ws_client
from stage import CHAIN, ONE_PROXY, Program, Stage

Capture = tuple[str, list[str], str]
HELLO = {"say": ["hello", "how are you?"], "close": [1000, "bye"]}


def run_client(stage: Stage, s: "Scenario") -> None:
    """The usual play: the client runs to its end."""
    stage.start("client", s.client).wait(90)


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    client: Program
    backends: tuple[Program, ...] = ()
    proxy: Program | None = None
    further: tuple[Program, ...] = ()  # of a chain: what stands behind the proxy
    capture: Capture = BOTH_LEGS
    elsewhere: tuple[tuple[str, Capture], ...] = ()  # captures of other hosts
    play: Callable[[Stage, "Scenario"], None] = run_client
    before: Callable[[Stage, "Scenario"], None] | None = None  # before the capture begins
    direct: bool = False  # the backends stand where the proxy would
    routed: bool = False  # the proxy's place is a plain router
    cut_short: bool = False  # the capture ends while connections live
    patience: float = 8  # seconds that the connections have to end after the play
    sorted: bool = True  # put in time order: a capture of two interfaces is written in batches
    one_host: bool = False  # a chain whose proxies stand in one place
    apart: bool = False  # the captures of several hosts stay several files

    @property
    def roles(self) -> tuple[str, ...]:
        return CHAIN if self.further and not self.one_host else ONE_PROXY

    def proxies(self) -> list[tuple[str, Program]]:
        """Where which proxy stands, from the client inwards. On one host all stand in one place."""
        if self.proxy is None:
            return []
        programs = (self.proxy, *self.further)
        places = ["proxy"] * len(programs) if self.one_host else self.roles[1:-1]
        return list(zip(places, programs, strict=True))

    def captures(self) -> list[tuple[str, Capture]]:
        return [("proxy", self.capture), *self.elsewhere]


def behind(proxy: Program, name: str, *backends: Program, client: Program | None = None,
           **rest) -> Scenario:
    """client → proxy → backend"""
    return Scenario(name, client or ws_client(**HELLO), backends, proxy, **rest)


def direct(name: str, *backends: Program, client: Program | None = None, **rest) -> Scenario:
    """client → server, nothing between; captured on the server's only interface."""
    client = client or ws_client("ws://chat.example:8080/live", **HELLO)
    return Scenario(name, client, backends, direct=True, capture=CLIENT_LEG, **rest)


def talk(*say: str, **plan) -> Program:
    """A client that speaks and then waits for whatever the server does."""
    return ws_client(say=list(say), **plan)


def by_hand(conduct: str) -> Program:
    return hand_made_client(conduct, "chat.example:8080")
