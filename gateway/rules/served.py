"""Under which names LiteLLM's router finds a deployment, beyond the groups themselves."""

from functools import cached_property

from gateway.spelling import Speller
from gateway.subject import Subject, mapping, sequence


class Served:
    """What a chain may name; made once for each pass of a rule.

    A request's name, and so a target's, is looked up among groups, aliases, routing groups,
    wildcards, deployment ids, and at last among the `litellm_params.model` themselves
    (`_common_checks_available_deployment`, litellm/router.py of 1.106.2).
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def speller(self) -> Speller:
        """Corrects a name by the groups and aliases."""
        return Speller((*self._subject.groups, *self._subject.aliases))

    @cached_property
    def elsewhere(self) -> bool:
        """Tell whether more groups may come from a place that is not in these texts."""
        subject = self._subject
        return bool(
            subject.general_settings.get("store_model_in_db") is True
            or subject.environment.get("STORE_MODEL_IN_DB", "").lower() == "true"
            or subject.top.get("include")
        )

    def as_target(self, name: str) -> bool:
        """Tell whether a request that falls to `name` finds a deployment."""
        return self._subject.is_served(name) or name in self._other_names

    def as_source(self, name: str) -> bool:
        """Tell whether a request can have `name`, so that its chain is found."""
        return self._subject.is_served(name, as_source=True) or name in self._other_names

    def groups_of_model(self, model: str) -> tuple[str, ...]:
        """Return the groups whose deployments call `model`, in the order of the file."""
        return self._groups_by_model.get(model, ())

    @cached_property
    def _other_names(self) -> frozenset[str]:
        found: set[str] = set()
        for deployment in self._subject.deployments:
            found.add(deployment.model)
            for key in ("id", "team_public_model_name"):
                name = deployment.info.get(key)
                if isinstance(name, str):
                    found.add(name)
        for group in sequence(self._subject.router_settings.get("routing_groups")):
            name = mapping(group).get("group_name")
            if isinstance(name, str):
                found.add(name)
        found.update(map(str, mapping(self._subject.litellm_settings.get("model_alias_map"))))
        return frozenset(found - {""})

    @cached_property
    def _groups_by_model(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for deployment in self._subject.deployments:
            groups = found.get(deployment.model, ())
            if deployment.name not in groups:
                found[deployment.model] = (*groups, deployment.name)
        return found
