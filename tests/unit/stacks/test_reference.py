from stacks.expectation import places_of, schema
from stacks.reference import TARGET, reference


def test_the_reference_is_what_the_models_say() -> None:
    """When this is red: `python -m stacks.reference`."""
    assert TARGET.read_text(encoding="utf-8") == reference()


def test_every_key_stands_in_the_reference() -> None:
    text = reference()
    for key in schema()["$defs"]["Fly"]["properties"]:
        assert any(f"`{place}`" in text or f"## {place}\n" in text for place in places_of(key))
    assert "`models[n].provider`" in text
    assert "`providers.<name>.api_key`" in text
