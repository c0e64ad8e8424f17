"""The parts of Gate's SDK that we use, without the rest of it.

`import gate_api` imports every interface that Gate has and its 700 models of answers: half a second
and 25 MB, of which we use two interfaces and no model. So its packages are stood in for by empty
ones while the parts are imported, and all of it is forgotten afterwards: whoever imports the SDK
in the usual way gets the whole of it, as ever.
"""

import importlib
import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_SDK = "gate_api"


def _parts() -> tuple[Any, ...]:
    """Return the SDK's `Configuration`, `ApiClient`, `SpotApi` and `AccountApi`."""
    whole = _taken_out()
    try:
        for name in (_SDK, f"{_SDK}.api", f"{_SDK}.models"):
            spec = find_spec(name)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            # Not executed: it knows where its modules are, and imports none of them.
            sys.modules[name] = module_from_spec(spec)
        return (
            importlib.import_module(f"{_SDK}.configuration").Configuration,
            importlib.import_module(f"{_SDK}.api_client").ApiClient,
            importlib.import_module(f"{_SDK}.api.spot_api").SpotApi,
            importlib.import_module(f"{_SDK}.api.account_api").AccountApi,
        )
    finally:
        _taken_out()
        sys.modules.update(whole)


def _taken_out() -> dict[str, ModuleType]:
    """Have the interpreter forget the SDK's modules; return those that it knew."""
    known = [name for name in sys.modules if name == _SDK or name.startswith(f"{_SDK}.")]
    return {name: sys.modules.pop(name) for name in known}


Configuration, ApiClient, SpotApi, AccountApi = _parts()
