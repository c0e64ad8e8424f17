"""States worth having been in: each must be seen sooner or later, or nothing about it was proven.

The table is the contract: a name that is not in it cannot be seen, and a run over enough seeds
fails when a name in it never was. A new part of the house adds the states it is afraid of.
"""

from collections import Counter

SIGHTINGS = {
    "order unknown": "no answer to a placement",
    "restart while unknown": "the order router began a new life while an order's fate was unknown",
    "killed while unknown": "the process died while an order's fate was unknown",
    "killed between intent and wire": "the process died with an intent on disk that had not left",
    "killed between wire and answer": "the process died with a placement under way",
    "power cut lost events": "a power cut took events that nobody had been promised",
    "power cut tore the log": "a power cut left part of what was being written",
    "fill before acceptance": "a fill was journalled before the acceptance of its order",
    "fill after cancel": "a fill crossed our cancel",
    "partly filled, then cancelled": "an order ended with part of it filled",
    "late answer": "an answer reached a later life of who had asked",
    "found by name": "an order of unknown fate was found by its name",
    "found among open orders": "an order of unknown fate was found in the list of open orders",
    "found among finished orders": "an order of unknown fate was found in the list of finished",
    "found by trades": "an order of unknown fate was found by its fills",
    "proven absent": "an order of unknown fate was proven never to have been placed",
    "expired at the exchange": "the exchange refused a placement that came too late",
    "fill told again": "the exchange told a fill a second time",
    "repeated decision refused": "a decision that was asked for again made no second order",
    "shrunk by a limit": "the risk guard let part of an order pass",
    "denied by a limit": "the risk guard let nothing pass because of a limit",
    "emergency with an order under way": "an emergency stop while a placement had no answer",
    "emergency with an order resting": "an emergency stop while an order rested",
    "emergency survived a restart": "a new process began in an emergency, and stayed in it",
    "pair session survived a restart": "a new process left a pair alone as an old one was told",
    "stopped in peace": "an emergency stop while orders rested and nothing else went wrong",
    "emergency at the door": "an order that was approved before an emergency stop did not leave",
    "disk full": "a commit failed for want of room",
    "sync failed": "a sync failed, and the journal was opened anew",
    "clock set back": "our clock was set back while an order was under way",
    "clock set forward": "our clock was set forward beyond an order's expiry",
    "crash of the recorder": "the recorder died and opened the journal anew",
    "crash of the order router": "the order router died and recovered within the process",
    "crash of the risk guard": "the risk guard died and recovered within the process",
    "order amended": "an order was changed, and kept its names",
    "amendment refused": "the exchange would not change an order",
    "amendment unknown": "no answer to an amendment",
    "amendment proven not made": "an amendment of unknown fate was proven never to have been made",
    "fill while amending": "a fill crossed an amendment",
    "amended by somebody else": "an order of ours was seen as none of us asked for",
    "amended by two at once": "somebody else amended an order while an amendment of ours was open",
    "killed while amending": "the process died while an amendment had no outcome",
    "crash of an order worker": "who worked a parent order died and another went on",
    "parent of several children": "a parent order took more than one child",
    "parent left unfilled": "a parent order's plan was over before all was filled",
    "parent cancelled half way": "a parent order was cancelled after it had children",
    "killed with a parent half way": "the process died while a parent order was under way",
    "trigger fired": "a stop that waited at the exchange became an order",
    "fill of an adopted order": "what a trigger order became was filled, and booked as ours",
    "trigger refused": "a stop was not taken by the exchange, or did not leave",
    "trigger found by its shape": "a trigger order without an answer was found in the lists",
    "trigger given up": "a trigger order without an answer was in no list for long enough",
    "stop drawn closer": "a stop followed the price",
    "stopped out by ourselves": "we watched a stop being met and sold",
    "gain taken": "a target was met and what was held was sold",
    "killed between fill and stop": "the process died while nothing waited for what it held",
    "deposit booked": "money that came from outside was booked as that",
    "withdrawal booked": "money that somebody took away was booked as that",
    "foreign order booked": "what somebody else traded was booked, and our position left alone",
    "hang": "an actor hung and was fenced",
    "a strategy was parked": "a trader failed too often and was left alone, the others went on",
    "the root gave up": "too many restarts ended the process",
    "two deaths in a row": "the process died again before it was ready",
    "countdown cancelled": "the exchange cancelled our orders because it heard nothing from us",
}
"""Name and meaning of each."""


class Sightings(Counter[str]):
    """How often each was seen."""

    def see(self, name: str) -> None:
        """Count one more."""
        assert name in SIGHTINGS, f"{name!r} is not in the table"
        self[name] += 1


def never_seen(seen: Counter[str]) -> list[str]:
    """Return the names that never were."""
    return [name for name in SIGHTINGS if not seen[name]]
