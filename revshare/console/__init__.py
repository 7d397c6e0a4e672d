"""The console for staff, on Django's admin: pages to run cycles, and every stage's records read-only."""
