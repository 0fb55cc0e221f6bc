import pytest

from curation.judges import JUDGES
from curation.pairing import PAIR_BUILDERS
from schemas.errors import ConfigError, UnknownPlugin


def test_a_misspelt_name_suggests_the_nearest():
    with pytest.raises(UnknownPlugin, match="Did you mean 'all_distinct'"):
        PAIR_BUILDERS.build("all_distnct")


def test_an_unknown_field_names_itself():
    with pytest.raises(ConfigError, match="min_margn: unknown key"):
        PAIR_BUILDERS.build({"name": "all_distinct", "min_margn": 1})


def test_a_spec_of_another_version_is_refused():
    with pytest.raises(ConfigError, match="saved by version 0"):
        PAIR_BUILDERS.build({"name": "majority", "version": "0"})


@pytest.mark.parametrize("registry", [JUDGES, PAIR_BUILDERS], ids=lambda registry: registry.package)
def test_every_plugin_is_rebuilt_from_its_spec(registry):
    for name in registry.classes:
        plugin = registry.build({"name": name, "model": "m"} if registry is JUDGES else name)
        assert registry.build(plugin.spec()) == plugin
