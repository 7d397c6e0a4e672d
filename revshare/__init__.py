"""Contributor revenue-share accounting: attribution records and sales in, exact and explained payouts out."""
