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


def test_the_same_seed_gives_the_same_run():
    for policy, seed in schedules(each=10):
        runs = []
        for _ in range(2):
            run = Run(seed, policy)
            run.plant()
            run.play()
            runs.append((run.trace, run.world.history, run.notes_got, run.runtime.steps))
        assert runs[0] == runs[1], f"{policy}:{seed}"
