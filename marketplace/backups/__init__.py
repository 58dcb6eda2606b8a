"""A backup of everything that the database holds, and the way back from one."""
