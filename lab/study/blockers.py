"""All that denies a flow: the rule that decided is taken out in a copy of the policy, and the flow is sent again."""

from __future__ import annotations

from dataclasses import replace

from lab.errors import InputError
from lab.lab import Lab
from lab.prepare.scene import Scene
from lab.probe.question import Question
from lab.record.difference import Flow
from lab.record.path import Rule
from lab.record.verdict import Verdict
from lab.ruleset.backend import Backend
from lab.ruleset.held import ChainKey, Chains
from lab.ruleset.rulesets import Rulesets
from lab.study.diff.sides import question_for
from lab.study.taken_out import candidates

MOST = 8


def blockers(scene: Scene, backend: Backend, node: str, asked: Question | Flow) -> tuple[Rule, ...]:
    """The rules and policies of ``node`` that would deny a flow or its answer, each once those before it are gone.

    The first is the one that decides now; none where nothing of the node denies it; at most `MOST`.  Each has the place that it
    has in the policy.  Of a rule that cannot be taken out by its text nothing is told behind it.  Raises as a `Lab` does.
    """
    found: list[Rule] = []
    with Lab(scene.topology, scene.policies, backend=backend) as lab:
        question = asked if isinstance(asked, Question) else question_for(lab, asked, node)
        places = _Places(lab.policies[node].chains) if node in lab.policies else None
        rulesets = scene.policies.get(node)
        while places is not None and rulesets is not None:
            rule = _denies(lab.ask(question, node), node)
            if rule is None:
                break
            found.append(places.as_written(rule))
            if len(found) == MOST:
                break
            rulesets = _taken_out(lab, node, rulesets, rule)
            places.take_out(rule)
    return tuple(found)


def _denies(verdict: Verdict, node: str) -> Rule | None:
    """The rule of the node that stopped a flow or its answer."""
    rule = verdict.stopped_by
    return rule if rule is not None and rule.node == node else None


def _taken_out(lab: Lab, node: str, rulesets: Rulesets, rule: Rule) -> Rulesets | None:
    """Load what a node holds without a rule; None where no copy of its text is just that."""
    wanted = _without(lab.policies[node].chains, rule)
    for copy in candidates(lab.policies[node].chains, rulesets, rule):
        try:
            lab.load(node, copy)
        except InputError:
            continue
        if _texts(lab.policies[node].chains) == wanted:
            return copy
    return None


Texts = dict[ChainKey, tuple[str | None, list[str]]]


def _texts(chains: Chains) -> Texts:
    return {key: (_word(chain.policy), [rule.text for rule in chain.rules]) for key, chain in chains.items()}


def _word(policy: str | None) -> str | None:
    return None if policy is None else policy.upper()


def _without(chains: Chains, rule: Rule) -> Texts:
    """What the chains are without the rule, or with a policy that accepts."""
    texts = _texts(chains)
    key = rule.family, rule.table, rule.chain
    policy, rules = texts[key]
    if rule.number is None:
        texts[key] = "ACCEPT", rules
    else:
        texts[key] = policy, [text for number, text in enumerate(rules, start=1) if number != rule.number]
    return texts


class _Places:
    """Where rules stood before others were taken out."""

    def __init__(self, chains: Chains) -> None:
        self._left = {key: [rule.number for rule in chain.rules] for key, chain in chains.items()}

    def as_written(self, rule: Rule) -> Rule:
        """The rule with its place in the policy."""
        if rule.number is None:
            return rule
        return replace(rule, number=self._of(rule)[rule.number - 1])

    def take_out(self, rule: Rule) -> None:
        """Forget a rule."""
        if rule.number is not None:
            del self._of(rule)[rule.number - 1]

    def _of(self, rule: Rule) -> list[int]:
        return self._left[rule.family, rule.table, rule.chain]
