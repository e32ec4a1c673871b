"""Faults that a version of LiteLLM does not survive whatever the settings say, as measured.

A limit is about an answer that is cut short and told as a success. It excuses nothing else: a
hang, hammering or an error in its place is still a failure of the drill.
"""

from dataclasses import dataclass

from gateway.drill.seen import Form

ALL_PROVIDERS: tuple[str, ...] = ()
MEASURED = ("1.106.2",)


@dataclass(frozen=True, slots=True)
class KnownLimit:
    """One such fault; without `providers` it holds for all of them."""

    fault: str
    form: Form
    versions: tuple[str, ...]
    providers: tuple[str, ...]
    what: str


LIMITS: tuple[KnownLimit, ...] = (
    KnownLimit(
        "S10",
        Form.STREAM,
        MEASURED,
        ("anthropic", "vertex_ai"),
        "the event that is no JSON is taken for the end, and told with `stop` and [DONE]",
    ),
    KnownLimit(
        "G06",
        Form.STREAM,
        MEASURED,
        ALL_PROVIDERS,
        "an empty stream is an empty answer, told with `stop` and [DONE]",
    ),
    KnownLimit(
        "G07",
        Form.STREAM,
        MEASURED,
        ALL_PROVIDERS,
        "the content type of a stream is not looked at, and a page has no events: an empty answer",
    ),
    KnownLimit(
        "G08",
        Form.STREAM,
        MEASURED,
        ("anthropic", "xai", "vertex_ai"),
        "events that are no JSON are skipped or taken for the end: an empty answer",
    ),
    KnownLimit(
        "G09",
        Form.STREAM,
        MEASURED,
        ALL_PROVIDERS,
        "a stream that HTTP ends in good order is finished with `stop` and [DONE] of LiteLLM's own",
    ),
)


def known_limit(version: str, fault: str, form: Form, provider: str) -> KnownLimit | None:
    """Return what is known of this version, or None."""
    for limit in LIMITS:
        of_provider = provider in (limit.providers or (provider,))
        if (
            limit.fault == fault
            and limit.form is form
            and of_provider
            and version in limit.versions
        ):
            return limit
    return None
