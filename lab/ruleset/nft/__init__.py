"""Native nft rulesets as data: scripts counted line by line, includes expanded, listings and refusals read."""
