"""What `doctor` looks at: this machine and its data (`here`), the exchange and its keys (`there`).

Every check gives findings; none changes anything. The command is `supervisor.commands.doctor`.
"""

from supervisor.doctor.examination import examine
from supervisor.doctor.findings import Finding, Verdict

__all__ = ["Finding", "Verdict", "examine"]
