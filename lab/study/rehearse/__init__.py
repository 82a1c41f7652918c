"""A change window rehearsed in the lab: applied while flows run, judged, confirmed or rolled back."""
