"""What an import writes is what the formatter would have written, whatever the files said."""

import subprocess
import sys
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gateway.render import litellm_config
from ops.import_module import module_text
from ops.import_settings import import_settings
from stacks.paths import Path as SettingsPath
from stacks.settings import Settings
from tests.unit.strategies import all_settings

ROOT = Path(__file__).parents[2]
SAID = st.text(max_size=300) | st.just("long words " * 30)
PLACES = st.sampled_from(
    [(), ("models", 0), ("router_settings", "timeout"), ("sections", "x"), ("providers", "azure")]
)
COMMENTS = st.dictionaries(PLACES, st.tuples(SAID), max_size=3)
# What a user's own remarks may be: signs, long lines, and lines of YAML that were taken out.
LEFT = "RUF001,RUF003,E501,ERA001"


def test_imported_modules_are_formatted_and_pass_the_linter(tmp_path: Path) -> None:
    texts: list[str] = []

    @settings(max_examples=60, phases=[Phase.generate], deadline=None, database=None)
    @given(all_settings(), COMMENTS)
    def draw(what: Settings, comments: dict[SettingsPath, tuple[str, ...]]) -> None:
        imported = import_settings(litellm_config(what, with_probes=False), None)
        texts.append(module_text(imported.definition, "Head.\n\nMore of it.", comments))

    draw()
    for index, text in enumerate(texts):
        (tmp_path / f"module_{index}.py").write_text(text, encoding="utf-8")
    config = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    ruff = [sys.executable, "-m", "ruff"]
    for arguments in (["format", "--diff", *config], ["check", "--ignore", LEFT, *config]):
        done = subprocess.run(
            [*ruff, *arguments, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[:2000]
    assert len(texts) >= 50
