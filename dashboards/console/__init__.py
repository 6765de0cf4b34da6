"""The operator's page: what stands, what is watched, and what people may do about it."""
