"""The settings of recordings: `[recording]`. Pure."""

from typing import Annotated

from msgspec import Struct

from state.config.meaning import setting, switch


class RecordingSettings(Struct, frozen=True, kw_only=True):
    """Whether what traders and the risk guard hear is kept, to be replayed."""

    on: Annotated[bool, switch("Keep it, in `recordings.db` of the data directory.")] = True
    keep_mb: Annotated[
        int,
        setting("The oldest goes when all together is larger.", unit="MB", low=1, high=1_000_000),
    ] = 1000
