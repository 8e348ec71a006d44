"""What a run takes: memory and time of a meta-iteration, by arithmetic, before there is a device."""
