"""The page of the demo: what stands behind its tabs, plain functions, and the tabs themselves."""
