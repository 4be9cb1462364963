"""Occluder images of people's own: what their anchors are derived by, and the sheet that shows how they sit."""
