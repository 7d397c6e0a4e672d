"""A year of real cycles with people at work on it: to look at and to learn on, never a real instance."""
