"""Who is due: against a plain dictionary, whatever is put, taken, given back and struck off."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connwatch.core.agenda import Agenda

targets = st.sampled_from("abcdef")
dues = st.integers(0, 12).map(float)


class AgendaAsKept(RuleBasedStateMachine):
    """An agenda does what a dictionary of dues and a set of those in hand would do."""

    def __init__(self) -> None:
        super().__init__()
        self.agenda = Agenda()
        self.due: dict[str, float] = {}
        self.taken: set[str] = set()

    @rule(name=targets, due=dues)
    def put(self, name: str, due: float) -> None:
        """Somebody is due then, unless in somebody's hands."""
        self.agenda.put(name, due)
        if name not in self.taken:
            self.due[name] = due

    @rule(name=targets, start=dues)
    def put_often(self, name: str, start: float) -> None:
        """Moved so often that the heap has to be tidied up."""
        for step in range(150):
            self.put(name, start + step % 7)

    @rule(now=dues)
    def take(self, now: float) -> None:
        """The one who is due the longest is handed out, and no one who is in somebody's hands."""
        taken = self.agenda.take(now)
        ready = {target: due for target, due in self.due.items() if due <= now}
        if taken is None:
            assert not ready
            return
        assert taken not in self.taken
        assert ready[taken] == min(ready.values())
        del self.due[taken]
        self.taken.add(taken)

    @precondition(lambda self: bool(self.taken))
    @rule(data=st.data(), due=dues)
    def give_back(self, data: st.DataObject, due: float) -> None:
        """Asked, and due again then."""
        target = data.draw(st.sampled_from(sorted(self.taken)))
        self.agenda.give_back(target, due)
        self.taken.remove(target)
        self.due[target] = due

    @rule(name=targets)
    def remove(self, name: str) -> None:
        """Gone, whether waiting or in somebody's hands."""
        self.agenda.remove(name)
        self.due.pop(name, None)
        self.taken.discard(name)

    @invariant()
    def kept(self) -> None:
        """The same targets, and the same next instant."""
        assert len(self.agenda) == len(self.due)
        assert {target for target in "abcdef" if target in self.agenda} == self.due.keys()
        assert self.agenda.next_at() == min(self.due.values(), default=None)


TestAgendaAsKept = AgendaAsKept.TestCase
TestAgendaAsKept.settings = settings(deadline=None, max_examples=50, stateful_step_count=30)


@given(st.lists(st.integers(0, 5), min_size=30, max_size=60))
def test_nobody_starves(again: list[int]) -> None:
    """However soon others are due again: before anybody gets a third turn, all who were due got one."""
    agenda = Agenda()
    for number in range(10):
        agenda.put(f"t{number}", float(number))
    turns: dict[str, int] = {}
    for now, wait in enumerate(again, start=10):
        target = agenda.take(float(now))
        if target is None:
            continue
        turns[target] = turns.get(target, 0) + 1
        agenda.give_back(target, now + float(wait))
        if max(turns.values()) > 2:
            assert len(turns) == 10


def test_moves_don_t_make_it_grow() -> None:
    """However often a target is moved, a look ahead stays cheap: old entries are cleared away."""
    agenda = Agenda()
    for number in range(10_000):
        agenda.put("t", float(number % 89 + 1))
    assert len(pickle.dumps(agenda)) < 10_000
    assert agenda.next_at() == float(9_999 % 89 + 1)
