"""The programs: scripts of a checkout, and where installed the commands `codeit-train` and so on."""
