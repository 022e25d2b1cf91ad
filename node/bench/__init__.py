"""`poyong bench`: a town of processes under load, measured against limits of the same run."""
