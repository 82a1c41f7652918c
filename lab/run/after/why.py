"""Why a cell failed: asked once it has."""

from __future__ import annotations

from lab.kernel.stage.leads import lead
from lab.lab import Lab
from lab.record.hint import Hint
from lab.record.lead import Lead
from lab.record.verdict import Verdict
from lab.why.case import Case
from lab.why.why import why
from lab.written.cell import Expectation


def hints(lab: Lab, verdict: Verdict, expect: Expectation, at: str, later: str = "") -> tuple[Hint, ...]:
    """What explains a verdict that is not as expected at the node ``at``, as the lab is now.

    ``later`` is what of a flow under way it is about (`lab.why.case.Case`).
    """
    held = {name: policy.chains for name, policy in lab.policies.items()}
    sysctls = {name: node.sysctls for name, node in lab.network.nodes.items()}
    ipsets = {name: policy.texts["ipset"] for name, policy in lab.policies.items() if "ipset" in policy.texts}

    def ask_route(node: str, address: str, source: str | None, mark: int) -> Lead | None:
        found = lab.network.nodes.get(node)
        return None if found is None else lead(found, address, source=source, mark=mark)

    return why(Case(verdict, expect, at, lab.topology, held, sysctls, ipsets, ask_route, later))
