"""The feature server: Feast's HTTP API over a project, and the bytes of its online store for remote stores."""
