"""Documents in, text out: the only place with colour or prose."""
