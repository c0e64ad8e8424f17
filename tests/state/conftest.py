"""Property tests of the ground floor: how fast a shared machine is today is no property."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ground floor",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("ground floor")
