import pytest
from hypothesis import given
from hypothesis import strategies as st

from fly.guests import SIZES, guest, guest_problems, memory_mb
from fly.regions import REGIONS, nearest_region, region_problems


@given(st.sampled_from(sorted(SIZES)), st.integers(0, 140_000))
def test_memory_is_fine_exactly_within_a_sizes_limits_and_on_a_step(size: str, memory: int) -> None:
    known = SIZES[size]
    fine = known.least_memory_mb <= memory <= known.most_memory_mb and memory % 256 == 0
    assert (guest_problems(size, memory, "x: fly") == ()) == fine


@given(st.sampled_from(sorted(SIZES)), st.integers(-500, 140_000))
def test_the_memory_that_is_proposed_is_fine(size: str, memory: int) -> None:
    for problem in guest_problems(size, memory, "x: fly"):
        proposed = int(problem.next_step.removeprefix("set ").split(",")[0])
        assert guest_problems(size, proposed, "x: fly") == ()


def test_the_limits_are_flys() -> None:
    shared, large = SIZES["shared-cpu-4x"], SIZES["performance-16x"]
    assert (shared.memory_mb, shared.least_memory_mb, shared.most_memory_mb) == (1024, 1024, 8192)
    assert (large.cpus, large.memory_mb, large.most_memory_mb) == (16, 32768, 131072)


def test_too_much_memory_names_a_size_that_can_have_it() -> None:
    (problem,) = guest_problems("shared-cpu-1x", 4096, "Pulumi.dev.yaml: gateway:fly")
    assert problem.place == "Pulumi.dev.yaml: gateway:fly.memory_mb"
    assert problem.value == "4096"
    assert problem.next_step == "set 2048, or a larger size such as shared-cpu-2x"


def test_an_unknown_size_is_met_with_the_nearest() -> None:
    (problem,) = guest_problems("shared-cpu-3x", None, "Pulumi.dev.yaml: gateway:fly")
    assert problem.place == "Pulumi.dev.yaml: gateway:fly.size"
    assert problem.value == '"shared-cpu-3x"'
    assert "shared-cpu-" in problem.next_step


def test_a_guest_has_the_sizes_own_memory_unless_told() -> None:
    assert guest("shared-cpu-2x") == {"cpu_kind": "shared", "cpus": 2, "memory_mb": 512}
    assert guest("performance-1x", 4096)["memory_mb"] == 4096
    assert guest("a10")["gpu_kind"] == "a10"


@pytest.mark.parametrize(
    ("text", "mb"),
    [("8192mb", 8192), ("4gb", 4096), ("4GiB", 4096), ("1.5g", 1536), (2048, 2048), ("512", 512),
     ("1048576b", 1), ("1 tb", 1048576)],
)  # fmt: skip
def test_memory_sizes_are_read_as_flyctl_reads_them(text: str | int, mb: int) -> None:
    assert memory_mb(text) == mb


@pytest.mark.parametrize("text", ["lots", "", "4xb", "-1gb"])
def test_other_memory_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no memory size"):
        memory_mb(text)


def test_every_region_is_fine() -> None:
    assert len(REGIONS) == 35
    assert not [code for code in REGIONS if region_problems(code, "x")]


@pytest.mark.parametrize(
    ("text", "code"),
    [("iadd", "iad"), ("FRA", "fra"), ("frankfurt", "fra"), ("London", "lhr"), ("zzzz", None)],
)
def test_the_nearest_region_is_found_by_code_or_city(text: str, code: str | None) -> None:
    assert nearest_region(text) == code


def test_a_region_that_does_not_exist_is_met_with_a_suggestion() -> None:
    (problem,) = region_problems("frankfurt", "Pulumi.dev.yaml: gateway:fly.region")
    assert problem.place == "Pulumi.dev.yaml: gateway:fly.region"
    assert problem.value == '"frankfurt"'
    assert problem.next_step.startswith('did you mean "fra" (Frankfurt, Germany)?')
