"""What the flyctl deployer needs is named before anything begins, each with how to get it."""

from pathlib import Path

from ops.flyctl_ready import missing


def program(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_each_missing_program_is_named_with_the_command_that_brings_it(tmp_path: Path) -> None:
    environ = {
        "PATH": str(tmp_path),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    flyctl, plugin = missing("dev", environ)
    assert flyctl.place == plugin.place == "Pulumi.dev.yaml: gateway:fly.deployer"
    assert "https://fly.io/docs/flyctl/install/" in flyctl.next_step
    assert "pulumi plugin install resource command 1.2.1" in plugin.next_step
    assert "machines_api" in plugin.next_step

    program(tmp_path, "fly")
    assert list(missing("dev", environ)) == [plugin]
    # An engine that may fetch the plugin does.
    assert list(missing("dev", environ | {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": ""})) == []
    (tmp_path / "home" / "plugins" / "resource-command-v1.2.1").mkdir(parents=True)
    assert list(missing("dev", environ)) == []
