"""Thin wiring: recipes, Prefect flows, deployments and the command line. The verbs live in curation, warehouse, training."""
