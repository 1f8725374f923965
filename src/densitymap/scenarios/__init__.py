"""Policies and the levers that change them; what joins law, lots and capacity."""
