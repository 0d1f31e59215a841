// A header of core.
