"""Settings, services and entry points."""
