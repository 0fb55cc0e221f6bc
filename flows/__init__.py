"""Thin wiring: recipes, Prefect flows, deployments, the command line. The verbs live in the other folders."""
