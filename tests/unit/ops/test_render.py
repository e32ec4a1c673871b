import io
import json
from pathlib import Path

from ops.exit_codes import ExitCode
from ops.output import Output
from ops.render import render

ROOT = Path(__file__).parents[3]


def test_the_local_texts_are_written_without_engine_network_or_secrets(tmp_path: Path) -> None:
    out = io.StringIO()
    output = Output(as_json=True, stdout=out, stderr=io.StringIO())
    code = render(ROOT, "local", folder=tmp_path, to_stdout=False, output=output)
    assert code is ExitCode.OK
    names = {"litellm_config.yaml", "fly.toml", "database_url.txt"}
    assert {path.name for path in tmp_path.iterdir()} == names
    url = (tmp_path / "database_url.txt").read_text()
    assert url.startswith("postgres://litellm:***@ai-gateway-local-db.flycast:5432/litellm?")
    assert "os.environ/XAI_API_KEY" in (tmp_path / "litellm_config.yaml").read_text()
    assert len(json.loads(out.getvalue())["bundle"]) == 64


def test_texts_can_be_printed_in_place_of_files(tmp_path: Path) -> None:
    out = io.StringIO()
    output = Output(stdout=out, stderr=io.StringIO())
    render(ROOT, "local", folder=tmp_path, to_stdout=True, output=output)
    assert list(tmp_path.iterdir()) == []
    assert "# --- fly.toml\n" in out.getvalue()


def test_the_same_settings_give_the_same_texts(tmp_path: Path) -> None:
    for name in ("one", "two"):
        output = Output(stdout=io.StringIO(), stderr=io.StringIO())
        render(ROOT, "local", folder=tmp_path / name, to_stdout=False, output=output)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
