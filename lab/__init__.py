"""netfilter-lab: proven verdicts on real firewall rulesets, asked of the kernel itself."""

__version__ = "0.1.0"
