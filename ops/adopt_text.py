"""How the plan of an adoption is told to a person."""

from ops.adopt_plan import Change, Plan
from ops.output import Output

LONGEST = 80  # characters of a value for a reader; --json has all of it


def show_plan(environment: str, plan: Plan, output: Output) -> None:
    """Show what is taken over, what would change afterwards, what stays unmanaged."""
    order = plan.order
    output.show(f"taken over, as it is, into {environment}")
    output.facts(
        (
            ("  app", f"{order.app} (organisation {order.organization})"),
            *(("  address", f"{value} ({kind})") for kind, value in order.addresses.items()),
            *(("  host name", f"{host} ({status})") for host, status in order.hostnames.items()),
            *(("  machine", f"{m.id} ({slot}, {m.state})") for slot, m in plan.slots.items()),
            *(("  secret", f"{name} (digest {value})") for name, value in order.secrets.items()),
        )
    )
    output.show("")
    if plan.changes:
        output.show(f"not what the settings say: gateway deploy {environment} would change")
        for change in plan.changes:
            for line in _lines(change):
                output.show(f"  {line}")
    else:
        output.show("the machines are what the settings say: every fallback is proven on them")
    if plan.unmanaged:
        output.show("")
        output.show("stays unmanaged")
        for each in plan.unmanaged:
            output.show(f"  {each}")
    output.show("")


def _lines(change: Change) -> tuple[str, ...]:
    now, wanted = (_told(side) for side in (change.now, change.wanted))
    return (f"{change.path}: {now} -> {wanted}", *(f"  {detail}" for detail in change.details))


def _told(value: str | None) -> str:
    if value is None:
        return "not there"
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 3]}..."
