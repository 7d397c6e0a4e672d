"""Signing in: password, second factor, sessions, and showing again who one is. What all skins share."""
