"""Who may do what, as Feast writes it. Repast has no access control yet."""
