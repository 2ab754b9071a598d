"""The layout rules, one module a topic."""
