"""Configuration: defaults, one TOML file, the environment and options become one frozen `Config`.

`load` is the only way in; whoever starts the house calls it once and hands each actor its own
branch. Secrets come from the environment alone and live in `Secret`.
"""

from state.config.advisor import AdvisorCredential, AdvisorProvider, AdvisorSettings
from state.config.candles import CandleSettings, HistorySettings
from state.config.cover import CoverSettings, StopMode
from state.config.decision import DecisionSettings
from state.config.endpoints import Endpoints, endpoints
from state.config.limits import ProtectionSettings, RiskSettings
from state.config.load import Loaded, changed, load
from state.config.measures import FlowSettings, LatencySettings, ValidationSettings
from state.config.secret import Secret
from state.config.settings import (
    AfterKill,
    BookChannel,
    Config,
    EmergencySettings,
    FeedSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    ObuIds,
    OrdersAtShutdown,
    OrderSettings,
    PositionsInEmergency,
    Secrets,
    ShutdownSettings,
    StrategySettings,
    SupervisionSettings,
    TrendSettings,
    WatchdogMode,
    WatchdogSettings,
)
from state.config.shown import Shown, default_toml, shown

__all__ = [
    "AdvisorCredential",
    "AdvisorProvider",
    "AdvisorSettings",
    "AfterKill",
    "BookChannel",
    "CandleSettings",
    "Config",
    "CoverSettings",
    "DecisionSettings",
    "EmergencySettings",
    "Endpoints",
    "FeedSettings",
    "FlowSettings",
    "HistorySettings",
    "LatencySettings",
    "Loaded",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "ObuIds",
    "OrderSettings",
    "OrdersAtShutdown",
    "PositionsInEmergency",
    "ProtectionSettings",
    "RiskSettings",
    "Secret",
    "Secrets",
    "Shown",
    "ShutdownSettings",
    "StopMode",
    "StrategySettings",
    "SupervisionSettings",
    "TrendSettings",
    "ValidationSettings",
    "WatchdogMode",
    "WatchdogSettings",
    "changed",
    "default_toml",
    "endpoints",
    "load",
    "shown",
]
