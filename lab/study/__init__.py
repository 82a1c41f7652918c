"""Questions to whole rulesets."""
