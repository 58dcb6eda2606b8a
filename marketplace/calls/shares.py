"""What all calls draw from: whoever takes much of it leaves as much for the others."""

from __future__ import annotations

from collections import Counter


class Shares:
    """So much of something. One who draws alone gets half of it, two get a third each, and so on.

    However many are greedy, somebody new finds some: nobody may hold more than is left, nor more
    than `each_most`.
    """

    def __init__(self, most: int, *, each_most: int | None = None) -> None:
        self._left = most
        self._each_most = most if each_most is None else each_most
        self._held: Counter[str] = Counter()

    def take(self, name: str, amount: int = 1) -> bool:
        """Take so much more, or say that it would leave too little."""
        held = self._held[name] + amount
        if held > min(self._left, self._each_most):
            return False
        self._held[name] = held
        self._left -= amount
        return True

    def give_back(self, name: str, amount: int = 1) -> None:
        self._left += amount
        self._held[name] -= amount
        if not self._held[name]:
            del self._held[name]

    def held(self, name: str) -> int:
        return self._held[name]


class Share:
    """What is drawn for one thing; it goes back when nobody has the thing in hand any more.

    Whoever keeps the thing keeps this beside it, through every way in which a call may end.
    """

    __slots__ = ("_amount", "_name", "_shares")

    def __init__(self, shares: Shares, name: str) -> None:
        self._shares = shares
        self._name = name
        self._amount = 0

    def draw(self, amount: int) -> bool:
        if not self._shares.take(self._name, amount):
            return False
        self._amount += amount
        return True

    def give_back(self) -> None:
        """The thing is done with, whoever still keeps it."""
        amount, self._amount = self._amount, 0
        if amount:
            self._shares.give_back(self._name, amount)

    def __del__(self) -> None:
        self.give_back()
