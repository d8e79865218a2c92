"""From Feast to Repast: what a repo means here, and whether both answer alike."""
