"""Who is who: organisations, persons, roles, legal bases, agreements, upgrades."""
