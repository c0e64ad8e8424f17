"""The promise: whatever happens to whatever tree, what `random_trees` demands of it holds."""

from tests.supervisor.random_trees import Run
from tests.supervisor.worlds import name_schedule, schedules

SEEDS_EACH = 300


def test_random_trees_keep_their_promises():
    for policy, seed in schedules(each=SEEDS_EACH):
        run = Run(seed, policy)
        try:
            run.plant()
            run.play()
        except BaseException as error:
            error.add_note(str(run.world))
            name_schedule(error, policy, seed)
            raise
