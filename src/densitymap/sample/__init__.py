"""A synthetic District 5 in the publishers' own schemas, drawn by rule from a seed."""
