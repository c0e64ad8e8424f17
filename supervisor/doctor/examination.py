"""All checks in their order, and which of them make sense here."""

from adapters.gate.signing import Credentials
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from state.config import Config, Endpoints, Loaded, Secret, endpoints
from state.values import Venue
from supervisor.data_directory import data_directory
from supervisor.doctor.advice import AdvisorLook
from supervisor.doctor.findings import Finding, fail, ok
from supervisor.doctor.here import look_here, own_exchange
from supervisor.doctor.there import Wanted, look_there, skip_there


def examine(loaded: Loaded) -> list[Finding]:
    """Return everything there is to say about running the house that `loaded` describes here."""
    config = loaded.config
    advisor = AdvisorLook(config)  # Asked now, heard at the end.
    try:
        found = _without_advisor(loaded)
    finally:
        told = advisor.findings()
    return [*found, *told]


def _without_advisor(loaded: Loaded) -> list[Finding]:
    config = loaded.config
    findings, house = look_here(loaded, data_directory(loaded))
    where = endpoints(config)
    if where is None and house.pid is not None:
        where = own_exchange(house.pid)
    findings.append(venue(config, where))
    if where is None:
        why = "the simulated exchange starts with the house, and none runs now"
        return [*findings, *skip_there(why)]
    wanted = Wanted(
        endpoints=where,
        credentials=_credentials(config),
        pairs=config.pairs,
        skew_max_s=config.orders.clock_skew_max_s,
        house_runs=house.is_there,
    )
    return [*findings, *look_there(wanted)]


def venue(config: Config, where: Endpoints | None) -> Finding:
    """Return whether the house may trade where it is told to."""
    # A host of another venue is a bad configuration: nobody comes as far as this with one.
    found = f"{config.venue}, {where.rest if where is not None else 'an exchange of its own'}"
    if config.venue is Venue.LIVE:
        mend = "use --venue simulated or --venue testnet"
        return fail("venue", f"{found}: this version cannot be armed for live trading", mend)
    return ok("venue", found)


def _credentials(config: Config) -> Credentials:
    secrets = config.secrets
    if endpoints(config) is None:
        # An exchange that starts with the house knows the demo account alone.
        return Credentials(key=Secret(DEMO_KEY), secret=Secret(DEMO_SECRET))
    if secrets.gate_api_key is not None and secrets.gate_api_secret is not None:
        return Credentials(key=secrets.gate_api_key, secret=secrets.gate_api_secret)
    # Elsewhere the configuration is refused without them.
    return Credentials(key=Secret(DEMO_KEY), secret=Secret(DEMO_SECRET))
