"""The drill on the real LiteLLM: both settings meet the same faults, and none of them stays."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
import yaml

from components.configuration import configuration_of
from gateway.drill.assignment import assigned
from gateway.drill.card import rows, times_faster
from gateway.drill.catalogue import BY_ID
from gateway.drill.promise import Promises
from gateway.drill.published import published_config
from gateway.drill.scoring import Score
from gateway.render import render_litellm_config
from ops.drill import drilled_groups
from ops.drill_ask import Asker
from ops.drill_run import Drill
from ops.second_gateway import second_gateway
from sandbox.providers.scripts import FaultScripts, parse_script
from stacks.configuration import Configuration
from tests.sandbox.real_gateway import KEY, Gateway, booted
from tests.sandbox.subnets import own_subnet

pytestmark = pytest.mark.timeout(400)
LIMIT_S = 20.0  # the published settings sleep up to 10.5 s before a rescue, on a quiet machine
FAULTS = ("S03", "G01", "G02", "G04")
TIME_OUT_S = 4


@dataclass
class Providers:
    """The providers' scripts and log, as the drill asks for them."""

    scripts: FaultScripts
    markers: list[str] = field(default_factory=list)

    def break_for(self, marker: str, deployment: str, step: Any) -> None:
        provider, _, model = deployment.partition("/")
        self.markers.append(marker)
        self.scripts.put(provider, model, parse_script({"script": [dict(step)]}), only=marker)

    def heal_for(self, marker: str) -> None:
        self.scripts.heal_all(only=marker)

    def attempts(self, marker: str) -> list[dict[str, Any]]:
        return self.scripts.log.read(marker)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The shared definition on a real proxy; silence is given up soon."""
    router = {"timeout": TIME_OUT_S, "stream_timeout": TIME_OUT_S}
    settings = {"request_timeout": TIME_OUT_S}
    folder, address = tmp_path_factory.mktemp("drill"), f"{own_subnet()}.0.7"
    with booted(folder, address, router_settings=router, litellm_settings=settings) as found:
        yield found


def ours(gateway: Gateway) -> Promises:
    return Promises(configuration_of(gateway.settings, secrets=None, today=date(2026, 11, 24)))


def drill_at(gateway: Gateway, url: str, promises: Promises, said: Any = lambda _: None) -> Drill:
    asker = Asker(url, KEY, limit_s=LIMIT_S)
    return Drill(asker, Providers(gateway.scripts), promises, said)


def test_both_settings_meet_the_same_faults_and_the_published_ones_score_worse(
    gateway: Gateway,
) -> None:
    config = published_config(yaml.safe_load(render_litellm_config(gateway.settings)))
    version = gateway.settings.image.version
    theirs = Promises(Configuration(litellm=config, version=version))
    chained = gateway.settings.chain_sources()  # those that we rescue at once
    every = drilled_groups(gateway.settings, ours(gateway), theirs)
    groups = [group for group in every if group.name in chained]
    runs = assigned([BY_ID[name] for name in FAULTS], groups)
    mine = drill_at(gateway, gateway.url, ours(gateway))
    assert mine.healthy(groups) == []
    found = mine.run(runs)
    secrets = {"VERTEX_CREDENTIALS_JSON": gateway.at.environment["VERTEX_CREDENTIALS_JSON"]}
    with second_gateway(config, version=version, key=KEY, secrets=secrets) as url:
        other = drill_at(gateway, url, theirs).run(runs)
    scores = {row.fault.id: row.score for row in rows(found)}
    published = {row.fault.id: row.score for row in rows(other)}
    assert scores == {
        "S03": Score.PARTIAL,  # rescued where a second try would have done
        "G01": Score.PASS,
        "G02": Score.PASS,
        "G04": Score.PASS,
    }
    assert published == {
        "S03": Score.PASS,
        "G01": Score.PASS,
        "G02": Score.FAIL,  # four times half a minute
        "G04": Score.PASS,
    }
    assert [len(one.seen.on_primary) for one in other if one.run.fault.id == "G01"] == [4, 4]
    assert (times_faster(found, other, at_once=True) or 0) > 5
    assert gateway.scripts.faults() == []


def test_an_interrupted_drill_leaves_no_fault_and_the_next_one_is_clean(gateway: Gateway) -> None:
    groups = drilled_groups(gateway.settings, ours(gateway))
    faults = [BY_ID["S06"], BY_ID["S04"]]
    providers = Providers(gateway.scripts)
    standing: list[int] = []

    def interrupted(_line: str) -> None:
        standing.append(len(gateway.scripts.faults()))
        raise KeyboardInterrupt("a test")

    asker = Asker(gateway.url, KEY, limit_s=LIMIT_S)
    drill = Drill(asker, providers, ours(gateway), interrupted)
    with pytest.raises(KeyboardInterrupt, match="a test"):
        drill.run(assigned(faults, groups))
    assert standing[0] > 0, "nothing was broken when the interrupt came"
    drill.close()
    assert gateway.scripts.faults() == []
    begun = len(providers.markers)
    again = drill_at(gateway, gateway.url, ours(gateway))
    assert again.healthy(groups) == []
    (row,) = rows(again.run(assigned([BY_ID["S04"]], groups)))
    assert row.score is Score.PASS
    assert gateway.scripts.faults() == []
    assert len(providers.markers) == begun, "a drill that was closed broke something again"


def test_silence_is_rescued_within_its_time_out_on_every_provider(gateway: Gateway) -> None:
    groups = drilled_groups(gateway.settings, ours(gateway))
    drill = drill_at(gateway, gateway.url, ours(gateway))
    found = drill.run(assigned([BY_ID["S06"]], groups))
    assert {one.run.group.provider for one in found} == {"openai", "anthropic", "xai", "vertex_ai"}
    for one in found:
        assert one.seen.rescued, one.run.label
        assert len(one.seen.on_primary) == 1, one.run.label
        assert one.seen.answer.took_s >= TIME_OUT_S, one.run.label
    assert gateway.scripts.faults() == []
