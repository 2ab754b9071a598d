"""What a round is going to do: all of it is drawn before, so that a seed says it."""

import dataclasses

import clocks
import user

TROUBLES = ("kill", "stop", "full", "read-only", "clock")
# Options that make a run slower, or take another way.
MANNERS = ((), (), (), ("--bwlimit", "4M"), ("--transfers", "1"), ("--read-back",), ("--scrub",))


@dataclasses.dataclass
class Round:
    command: str
    manner: tuple
    before: list
    during: list
    # Fractions of the time that such a run takes; None: not in this round.
    kill: float | None = None
    stop: tuple | None = None
    strike: str = ""  # "full" or "read-only"
    strike_at: float | None = None  # None: before the run
    relief_at: float | None = None  # None: after it, or when the next round begins
    lasts: bool = False
    on_state: bool = False
    leave: int = 0
    shift_s: int = 0
    shift_later_s: int | None = None
    shift_at: float = 0
    waits: bool = True  # a watch may be struck before it is watching, too


def draw(chance, roots, allowed, large):
    """One round. `allowed` are the troubles that can be had."""
    command = "watch" if chance.random() < 0.3 else "sync"
    manner = chance.choice(MANNERS)
    if command == "watch" and manner == ("--scrub",):
        manner = ()
    edits = [user.Edit.draw(chance, roots, user.ALL, large) for _ in range(chance.randrange(2, 14))]
    share = chance.choice((0, 0, 0.5, 1))
    during = sorted((edit for edit in edits if chance.random() < share), key=lambda edit: edit.at)
    round_ = Round(command, manner, [edit for edit in edits if edit not in during], during)
    _draw_end(chance, round_, allowed)
    _draw_meetings(chance, round_, roots)
    _draw_weather(chance, round_, allowed)
    return round_


def _draw_end(chance, round_, allowed):
    dice, at, later = chance.random(), chance.random(), chance.random()
    if "kill" in allowed and dice < 0.45:
        round_.kill = at
    if "stop" in allowed and 0.35 < dice < 0.6:
        round_.stop = tuple(sorted((at, later)))
        if round_.kill is not None:
            round_.stop = (at * 0.9, 2.0)  # killed while it stands still
    round_.waits = chance.random() < 0.7


def _draw_meetings(chance, round_, roots):
    """Users who work during a run shall meet what it carries to them, best while it stands still."""
    for edit in round_.during:
        if round_.before and chance.random() < 0.7:
            crossing = chance.choice(round_.before)
            crossing.kind = chance.choice(("create", "edit in place", crossing.kind))
            edit.spot = crossing.spot
            edit.root = (crossing.root + chance.randrange(1, roots)) % roots
        if round_.stop and chance.random() < 0.7:
            first, last = round_.stop
            edit.at = first + edit.at * (min(last, 1.0) - first)


def _draw_weather(chance, round_, allowed):
    dice, at, relief = chance.random(), chance.random(), chance.random()
    during, relieved, lasts, on_state = (chance.random() < share for share in (0.6, 0.4, 0.3, 0.45))
    leave = chance.choice((0, 0, 16_384, 262_144))
    shift, later = chance.choice(clocks.SHIFTS_S), chance.choice((0, *clocks.SHIFTS_S))
    kind = "full" if dice < 0.25 else "read-only" if dice < 0.5 else "clock" if dice < 0.75 else ""
    if kind not in allowed:
        return
    if kind == "clock":
        round_.shift_s = shift
        if during:
            round_.shift_later_s, round_.shift_at = later, at
        return
    round_.strike, round_.lasts, round_.on_state, round_.leave = kind, lasts, on_state, leave
    round_.strike_at = at if during else None
    round_.relief_at = min(1.0, at + relief * (1 - at)) if relieved else None
