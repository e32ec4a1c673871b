"""The archive's contract: the image's Python, the standard library and httpx, nothing else."""

import ast
import io
import sys
import zipfile
from pathlib import Path

import gateway.proof
from gateway.proof_archive import proof_archive, sources_of

SOURCES = {path.name: path.read_text("utf-8") for path in sources_of()}


def contents() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(proof_archive()))


def imported(source: str) -> set[str]:
    return {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def test_the_archive_holds_the_whole_package_as_it_stands() -> None:
    with contents() as archive:
        shipped = {name: archive.read(name).decode() for name in archive.namelist()}

    assert shipped.pop("gateway/__init__.py") == ""
    assert "command_line" in shipped.pop("__main__.py")
    assert shipped == {f"gateway/proof/{name}": source for name, source in SOURCES.items()}
    assert set(SOURCES) == {path.name for path in Path(gateway.proof.__file__).parent.glob("*.py")}


def test_equal_sources_give_equal_bytes_wherever_and_whenever_they_are_packed() -> None:
    first = proof_archive()
    proof_archive.cache_clear()

    assert proof_archive() == first
    with contents() as archive:
        rows = archive.infolist()
    assert {row.date_time for row in rows} == {(1980, 1, 1, 0, 0, 0)}
    assert {row.compress_type for row in rows} == {zipfile.ZIP_STORED}
    assert {row.create_system for row in rows} == {3}
    assert [row.filename for row in rows] == sorted(row.filename for row in rows)


def test_the_package_needs_nothing_but_itself_the_standard_library_and_httpx() -> None:
    names = set().union(*(imported(source) for source in SOURCES.values()))

    own = {name for name in names if name.startswith("gateway.proof.")}
    others = {name.partition(".")[0] for name in names - own}
    assert {name.split(".")[2] + ".py" for name in own} <= set(SOURCES)
    assert others - set(sys.stdlib_module_names) == {"httpx"}


def test_the_package_is_written_for_python_3_11() -> None:
    for name, source in SOURCES.items():
        ast.parse(source, filename=name, feature_version=(3, 11))


def test_no_module_of_the_package_is_long() -> None:
    assert {name for name, source in SOURCES.items() if source.count("\n") > 300} == set()
