"""Room: the people of the team, their units and roles, and how they sign in."""
