"""What a seed means, in words that can be printed and kept."""

from enum import StrEnum
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from actors.kernel.virtual import Policy
from state.config import BookChannel
from supervisor.simulation.profiles import PROFILES, Profile


class Class(StrEnum):
    """Kinds of faults that are on or off together."""

    CRASHES = "crashes"
    DRILLS = "drills"
    KILLS = "kills"
    POWER = "power"
    DISK = "disk"
    VENUE = "venue"
    CLOCK = "clock"
    EMERGENCY = "emergency"
    STRANGER = "stranger"


class Options(Struct, frozen=True, kw_only=True):
    """What a seed means, but for its list of faults."""

    seed: int
    profile: str
    policy: Policy
    classes: tuple[Class, ...]
    """Each is off in about half of the seeds, so that one does not hide what another would show."""
    book_channel: BookChannel
    faulty_s: float
    slow: bool = False
    """Whether what is sent travels for up to an order's validity, so that anything overtakes."""
    pair_sessions: bool = False
    """Whether single pairs are told to pause, drain, stop and go on."""
    failing_trader: bool = False
    """Whether the strategy of one pair fails again and again, until it is parked."""
    stopped_in_peace: bool = False
    """Whether everything is stopped once more when the faults are over: then all has to be gone."""

    @classmethod
    def of(
        cls,
        seed: int,
        profile: Profile,
        *,
        policy: Policy | None = None,
        faulty_s: float | None = None,
    ) -> "Options":
        """Expand a seed.

        Args:
            seed: The seed.
            profile: What is tried.
            policy: Who goes next; the seed decides when None.
            faulty_s: How long faults strike; the profile decides when None.
        """
        chance = Random(f"options:{seed}")  # noqa: S311 (reproducible on purpose)
        drawn = chance.choice([Policy.RANDOM, Policy.RANDOM, Policy.PCT, Policy.FIFO])
        classes = tuple(name for name in Class if chance.random() < _OFTEN.get(name, 0.5))
        options = cls(
            seed=seed,
            profile=profile.name,
            policy=policy or drawn,
            classes=classes,
            book_channel=chance.choice(list(BookChannel)),
            faulty_s=profile.faulty_s if faulty_s is None else faulty_s,
            slow=chance.random() < 0.15,
            pair_sessions=chance.random() < 0.25,
            failing_trader=chance.random() < 0.1 and Class.CRASHES in classes,
            stopped_in_peace=chance.random() < 0.3 and Class.EMERGENCY in classes,
        )
        if options.failing_trader and faulty_s is None:
            return replace(options, faulty_s=max(_PARKED_AFTER_S, profile.faulty_s))
        return options

    @property
    def made_of(self) -> Profile:
        """The profile."""
        return PROFILES[self.profile]


_PARKED_AFTER_S = 5.5
"""A strategy that fails at each start takes so long to be parked: the waits between double."""
_OFTEN = {Class.VENUE: 0.7, Class.POWER: 0.3, Class.DISK: 0.3, Class.CLOCK: 0.3}
"""Classes that are on in another share of the seeds than half; the disk's cost time."""
