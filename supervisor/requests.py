"""From a request to the steps that serve it. Pure: it looks at the children and touches none."""

from typing import assert_never

from supervisor.child_spec import ChildSpec, SpecInvalid, SupervisorSpec, check_specs
from supervisor.children import Child, Children
from supervisor.management import (
    ChildState,
    CycleChild,
    DeleteChild,
    Outcome,
    ReplaceSpec,
    RestartChild,
    StartChild,
    TerminateChild,
)
from supervisor.steps import Adopt, Answer, Forget, Replace, Start, Step, Stop

ChildRequest = TerminateChild | RestartChild | CycleChild | DeleteChild
AnyRequest = StartChild | ReplaceSpec | ChildRequest


def subject(request: AnyRequest) -> str:
    """Return the id of the child it is about, empty when only the template knows."""
    match request:
        case StartChild():
            return request.spec.id if request.spec is not None else ""
        case ReplaceSpec():
            return ""
        case _:
            return request.id


def steps_for(request: AnyRequest, rules: SupervisorSpec, children: Children) -> tuple[Step, ...]:
    """Return what to do about `request`; the last step answers it."""
    match request:
        case StartChild():
            return _start(request, rules, children)
        case ReplaceSpec():
            return _replace(request, rules)
        case _:
            child = children.get(request.id)
            if child is None:
                return (Answer(request, Outcome.NOT_FOUND, request.id),)
            return _about(request, child, dynamic=rules.template is not None)


def _about(request: ChildRequest, child: Child, *, dynamic: bool) -> tuple[Step, ...]:
    """Return the steps for a child that exists; OTP's answers for one in the wrong state."""
    id_ = child.id
    match request:
        case TerminateChild():
            forget = (Forget(id_),) if dynamic else ()
            return (Stop((id_,)), *forget, Answer(request, Outcome.OK, id_))
        case CycleChild():
            return (Stop((id_,), keep=True), Start(id_, request))
        case RestartChild() | DeleteChild():
            if dynamic:
                return (Answer(request, Outcome.DYNAMIC, id_),)
            if child.state is ChildState.STARTING or (child.down and not child.rests):
                return (Answer(request, Outcome.RESTARTING, id_),)
            if not child.down:
                return (Answer(request, Outcome.RUNNING, id_),)
            if isinstance(request, RestartChild):
                return (Start(id_, request),)
            return (Forget(id_), Answer(request, Outcome.OK, id_))
        case _:
            assert_never(request)


def _start(request: StartChild, rules: SupervisorSpec, children: Children) -> tuple[Step, ...]:
    try:
        spec = _new_spec(request, rules)
    except Exception as error:  # noqa: BLE001 (a faulty template must not end all its children)
        reason = f"{type(error).__name__}: {error}"
        return (Answer(request, Outcome.FAILED, reason=reason),)
    known = children.get(spec.id)
    if known is None:
        return (Adopt(spec), Start(spec.id, request))
    running = not known.down and known.state is not ChildState.STARTING
    there = Outcome.ALREADY_STARTED if running else Outcome.ALREADY_PRESENT
    return (Answer(request, there, spec.id),)


def _new_spec(request: StartChild, rules: SupervisorSpec) -> ChildSpec:
    spec = request.spec if rules.template is None else rules.template(*request.args)
    if not isinstance(spec, ChildSpec):
        raise SpecInvalid(f"expected the spec of a child, not {spec!r}")
    check_specs((spec,), rules.auto_shutdown)
    return spec


def _replace(request: ReplaceSpec, rules: SupervisorSpec) -> tuple[Step, ...]:
    if (request.spec.template is None) is not (rules.template is None):
        reason = "a supervisor of dynamic children stays one, and no other becomes one"
        return (Answer(request, Outcome.FAILED, reason=reason),)
    return (Replace(request.spec), Answer(request, Outcome.OK))
