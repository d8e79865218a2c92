"""How Feast's objects become Repast's: spellings, refusals, conversions. Nothing in here is Feast's API."""
