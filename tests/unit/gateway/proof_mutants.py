"""The proof, made wrong: each mutant is one change of its source, and the gateway that tells."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import CodeType, ModuleType

from gateway.proof_archive import sources_of

REAL = "gateway.proof"
ALIAS = "mutated_proof"


@dataclass(frozen=True, slots=True)
class ProofMutant:
    """One change, `old` to `new` in `module`; `found_by` names the gateway whose end differs."""

    name: str
    module: str
    old: str
    new: str
    found_by: str


class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a copy of the package, with a module that is changed, from memory."""

    def __init__(self, changed: str, code: CodeType | None) -> None:
        self._changed = changed
        self._code = code

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Know the copy's own modules and no others."""
        del path, target
        if fullname.partition(".")[0] != ALIAS:
            return None
        is_package = fullname == ALIAS
        return importlib.machinery.ModuleSpec(fullname, self, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's source in the copy."""
        name = module.__name__.partition(".")[2] or "__init__"
        code = self._code if self._code and name == self._changed else compiled(name)
        exec(code, module.__dict__)  # noqa: S102 - the repository's own source


@cache
def source(name: str) -> str:
    """Return a module's source as it is."""
    (found,) = [path for path in sources_of() if path.stem == name]
    return found.read_text("utf-8")


@cache
def compiled(name: str) -> CodeType:
    """Return a module as it is, under the copy's name."""
    return code_of(name, source(name))


def code_of(name: str, text: str) -> CodeType:
    """Compile a source under the copy's name."""
    return compile(text.replace(REAL, ALIAS), f"<{ALIAS}.{name}>", "exec")


@contextmanager
def mutated(mutant: ProofMutant | None) -> Iterator[ModuleType]:
    """Import the copy with the mutant's change; ValueError when its place is not exactly one."""
    code = None
    if mutant is not None:
        text = source(mutant.module)
        if text.count(mutant.old) != 1:
            raise ValueError(f"{mutant.name}: {text.count(mutant.old)} places in {mutant.module}")
        code = code_of(mutant.module, text.replace(mutant.old, mutant.new))
    finder = Sources(mutant.module if mutant else "", code)
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module(ALIAS)
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] == ALIAS]:
            del sys.modules[name]


MUTANTS: Sequence[ProofMutant] = (
    ProofMutant(
        "positive control left out",
        "judging",
        "[*judge_target(case.edge.target, target), *judge_negative",
        "[*judge_negative",
        "target-aliased",
    ),
    ProofMutant(
        "negative control left out",
        "judging",
        "*judge_negative(seen.negative, case.fault)]",
        "]",
        "ignores-disable",
    ),
    ProofMutant(
        "negative control may succeed",
        "controls",
        "answer.succeeded or bool(answer.fallbacks),\n            Finding(Verdict.FAILED, alive",
        "False,\n            Finding(Verdict.FAILED, alive",
        "probe-alive",
    ),
    ProofMutant(
        "negative control's status ignored",
        "controls",
        "            not shows,",
        "            False,",
        "negative-by-another-fault",
    ),
    ProofMutant(
        "negative control asked with fallbacks",
        "asking",
        'body["disable_fallbacks"] = True',
        "pass",
        "healthy",
    ),
    ProofMutant(
        "unknown probe counts as dead",
        "controls",
        "            answer.error == UNKNOWN_GROUP,",
        "            False,",
        "probe-missing",
    ),
    ProofMutant(
        "primary need not be asked",
        "controls",
        "unasked = fault != REFUSED and answer.attempts == 0",
        "unasked = False",
        "primary-never-asked-in-the-control",
    ),
    ProofMutant(
        "sample's primary need not be asked",
        "judging",
        "            answer.attempts == 0,",
        "            False,",
        "primary-never-asked-by-a-sample",
    ),
    ProofMutant(
        "fallback header of a sample ignored",
        "judging",
        "            not answer.fallbacks,\n            Finding(\n",
        "            False,\n            Finding(\n",
        "uncounted-fallback",
    ),
    ProofMutant(
        "group header of a sample ignored",
        "judging",
        "(answer.group != name, Finding",
        "(False, Finding",
        "chain-reordered",
    ),
    ProofMutant(
        "status of a sample ignored",
        "judging",
        "            answer.status != OK or broken,",
        "            False,",
        "never-falls-back",
    ),
    ProofMutant(
        "group header of the positive control ignored",
        "controls",
        "answer.fallbacks == 0 and answer.group == group and",
        "answer.fallbacks == 0 and",
        "target-aliased",
    ),
    ProofMutant(
        "fallback header of the positive control ignored",
        "controls",
        "answer.succeeded and answer.fallbacks == 0 and",
        "answer.succeeded and",
        "target-falls-back-to-itself",
    ),
    ProofMutant(
        "cached positive control accepted",
        "controls",
        " and not answer.cached",
        "",
        "cache-of-one-target",
    ),
    ProofMutant(
        "cached sample accepted",
        "judging",
        "(answer.cached, Finding",
        "(False, Finding",
        "cache-of-one-probe",
    ),
    ProofMutant(
        "cache not bypassed",
        "asking",
        ', "cache": {"no-cache": True}',
        "",
        "cache-unless-bypassed",
    ),
    ProofMutant(
        "every request has the same text",
        "asking",
        'f"{marker(nonce, fault, token)} {QUESTION}"',
        "QUESTION",
        "cache-by-text",
    ),
    ProofMutant(
        "version not compared",
        "judging",
        "(answer.version != version, Finding",
        "(False, Finding",
        "version",
    ),
    ProofMutant(
        "chain list not compared",
        "chains",
        "if live.get(group) != list(chain):",
        "if False:",
        "chain-of-the-database",
    ),
    ProofMutant(
        "chain list compared without order",
        "chains",
        "if live.get(group) != list(chain):",
        "if sorted(live.get(group) or ()) != sorted(chain):",
        "chain-reordered-behind-the-probes",
    ),
    ProofMutant(
        "chains do not decide",
        "running",
        "verdicts = [chains.verdict, *(",
        "verdicts = [*(",
        "chain-of-the-database",
    ),
    ProofMutant(
        "unreadable chain list accepted",
        "chains",
        "chains.verdict = worst([chains.verdict, Verdict.ERRORED])",
        "pass",
        "no-list",
    ),
    ProofMutant(
        "cold bound ignored",
        "judging",
        "promised = bounds.cold_rescue_ms if cold else bounds.warm_rescue_ms",
        "promised = 10**9 if cold else bounds.warm_rescue_ms",
        "cold-late",
    ),
    ProofMutant(
        "warm bound ignored",
        "judging",
        "promised = bounds.cold_rescue_ms if cold else bounds.warm_rescue_ms",
        "promised = bounds.cold_rescue_ms",
        "warm-late",
    ),
    ProofMutant(
        "only the first sample judged",
        "judging",
        "in enumerate(seen.samples):",
        "in enumerate(seen.samples[:1]):",
        "warm-late",
    ),
    ProofMutant(
        "cut stream accepted",
        "forms",
        "any(map(form.says, events)) and any(map(form.ends, events))",
        "any(map(form.says, events))",
        "cut",
    ),
    ProofMutant(
        "empty answer accepted",
        "judging",
        "(not answer.complete, Finding",
        "(False, Finding",
        "empty",
    ),
    ProofMutant(
        "second look always passes",
        "looking",
        "found = judge(case, seen, target, asker.plan)",
        "found = judge(case, seen, target, asker.plan) if number == 0 else []",
        "never-falls-back",
    ),
    ProofMutant(
        "no second look",
        "looking",
        "LOOKS = 2",
        "LOOKS = 1",
        "hiccup",
    ),
    ProofMutant(
        "final findings looked at again",
        "looking",
        "bool(self.findings) and not any(finding.final for finding in self.findings)",
        "bool(self.findings)",
        "lives-once",
    ),
    ProofMutant(
        "order of verdicts changed",
        "verdicts",
        "    Verdict.FAILED,\n    Verdict.ERRORED,\n    Verdict.INCONCLUSIVE,\n"
        "    Verdict.KNOWN_LIMIT,",
        "    Verdict.INCONCLUSIVE,\n    Verdict.FAILED,\n    Verdict.ERRORED,\n"
        "    Verdict.KNOWN_LIMIT,",
        "down-and-failed",
    ),
    ProofMutant(
        "the best verdict decides",
        "verdicts",
        "return min(verdicts, key=WORST_FIRST.index",
        "return max(verdicts, key=WORST_FIRST.index",
        "probe-alive",
    ),
    ProofMutant(
        "a target that is down fails the release",
        "controls",
        "(target.state == DOWN, Finding(Verdict.INCONCLUSIVE, dead))",
        "(target.state == DOWN, Finding(Verdict.FAILED, dead))",
        "target-down",
    ),
    ProofMutant(
        "a refused key is a finding",
        "chains",
        "if skipped else Verdict.ERRORED",
        "if skipped else Verdict.FAILED",
        "wrong-key",
    ),
    ProofMutant(
        "a proxy's answer counts as LiteLLM's",
        "answers",
        'if "x-litellm-call-id" in headers else Outcome.FOREIGN',
        "if True else Outcome.FOREIGN",
        "behind-a-proxy",
    ),
    ProofMutant(
        "requests not bounded",
        "spending",
        "if self.requests >= self._bounds.total_requests:",
        "if False:",
        "too-many",
    ),
    ProofMutant(
        "money not bounded",
        "spending",
        "if self.cost_usd >= self._bounds.total_cost_usd:",
        "if False:",
        "too-dear",
    ),
    ProofMutant(
        "breaker need not open",
        "breaker",
        "            control.error != COOLED_ERROR,",
        "            False,",
        "breaker-never-opens",
    ),
    ProofMutant(
        "breaker need not close",
        "breaker",
        "is_open and closed_after_s is None,",
        "False,",
        "breaker-never-closes",
    ),
    ProofMutant(
        "open breaker may be slow",
        "breaker",
        "(answer.latency_ms > bound, Finding",
        "(False, Finding",
        "breaker-slow",
    ),
    ProofMutant(
        "breaker does not decide",
        "running",
        'verdicts.append(Verdict(breaker["verdict"]))',
        "pass",
        "breaker-never-opens",
    ),
    ProofMutant(
        "owned faults not asked",
        "looking",
        "if owned or not FAULTS[fault].owned",
        "if not FAULTS[fault].owned",
        "rate-limit-not-rescued",
    ),
)
