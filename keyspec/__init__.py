"""keyspec: declare the API keys of your Analytics Hubs in YAML, see the plan, apply it."""

__version__ = "0.1.0"
