"""Labs that stay up: a keeper holds their namespaces and programs, and whoever wants to may come and ask."""
