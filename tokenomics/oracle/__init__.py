"""The land-value oracle: zones, panels, appraisals in phases, and what they end with."""
