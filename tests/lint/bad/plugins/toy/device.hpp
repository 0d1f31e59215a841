// A header of a plugin.
